"""Turns that bring the thing that a shot is about into frame, or keep it there, while the camera travels or its lens
closes in."""

import numpy as np

from dollygrip_backend.predictor.plan import Phase, Plan
from dollygrip_backend.predictor.settling import ASIDE, Context

_EDGE = 0.8  # of half the picture: a thing that a lens closes in on, or a crane leaves below, does not go farther out
_WELL_ENOUGH = np.radians(6.0)  # off the axis: a subject that is so near the middle needs no turn that is seen
_FACED = np.radians(3.5)  # off the axis: where a way that bears off, or a turn that is seen in any case, leaves it
UNSEEN = np.radians(1.9)  # a turn on the way that nobody notices: what needs little more makes do with it
_STRAIGHT = np.radians(11.0)  # off the axis: a way ahead that is still seen as straight
_TURNS = {"pan_right": (0, 1), "pan_left": (0, -1), "tilt_up": (1, 1), "tilt_down": (1, -1)}  # of yaw and pitch
_KEPT_WITH = {
    "truck",
    "pedestal",
    "dolly",
    "zoom",
    "pan",
    "tilt",
}  # beside which a turn keeps a thing in frame


def looks_there(plan: Plan, first: int, context: Context) -> bool:
    """Whether the thing that is named may be what a pan or a tilt ends on: one at the same time as the first moves, or
    a later one to the side where the subject lies."""
    aside, down = np.degrees(np.arctan(context.ray()[:2]))
    lies = {"pan_right": aside, "pan_left": -aside, "tilt_down": down, "tilt_up": -down}
    return any(
        move.name in lies and (i == first or lies[move.name] > ASIDE)
        for i, phase in enumerate(plan.phases)
        for move in phase.moves
    )


def free_ray(phase: Phase, context: Context) -> np.ndarray:
    """(3,) the subject's ray, without what a truck or a pedestal of the same phase decides: it says the way itself."""
    families = {move.family for move in phase.moves}
    return context.ray() * [("truck" not in families), ("pedestal" not in families), 1]


def approach(ray: np.ndarray, amount: float) -> tuple[np.ndarray, np.ndarray]:
    """Of a push in by `amount` to the subject on `ray` (3,), z = 1: the way there (3,) with z = 1, and the turn (2,) on
    it, yaw and pitch.

    A push in is no pan: while the way stays nearly straight it bears off a little more than the subject does, which
    brings that towards the axis; the camera turns by what is then left: as little as is not noticed where that is well
    enough, else until it faces the subject.
    """
    aside = ray[:2]
    off = max(float(np.hypot(*aside)), 1e-9)
    share = float(np.clip(amount, 1e-3, 0.9))
    needed = np.abs(aside) * (1 - (1 - share) * np.tan(_FACED) / off) / share
    widest = np.maximum(np.abs(aside), np.tan(_STRAIGHT))
    bearing = np.sign(aside) * np.clip(needed, np.abs(aside), widest)
    left = (aside - share * bearing) / (1 - share)
    angle = float(np.arctan(np.hypot(*left)))
    turn = max(0.0, angle - _FACED)
    turn = min(turn, UNSEEN) if angle - _WELL_ENOUGH < 1.5 * UNSEEN else turn
    return np.array([*bearing, 1.0]), turn / max(np.hypot(*left), 1e-9) * left * [1, -1]


def reframing(context: Context, ratio: float) -> np.ndarray:
    """(2,) yaw and pitch by which a camera must turn for the subject to stay in frame when the lens closes in by
    `ratio`: as little as that needs."""
    half = np.tan(np.radians(context.view_degrees) / 2) * np.array([1, 1 / context.aspect])
    aside = context.ray()[:2]
    left = np.clip(aside, -_EDGE * half / ratio, _EDGE * half / ratio)
    return (np.arctan(aside) - np.arctan(left)) * [1, -1]


def framed(
    phase: Phase, turned: np.ndarray, shift: np.ndarray, arm: np.ndarray, context: Context, aimed: bool, kept: bool
) -> np.ndarray:
    """(N, 2) yaw and pitch of a settled phase whose own moves turn by `turned` (N, 2) and shift by `shift` (N, 3) a
    camera that sees the subject at `arm` (3,), both along level axes.

    kept: the subject stays where it is in the picture; aimed: a crane that also goes in or out keeps it in frame.
    """
    families = {move.family for move in phase.moves}
    if kept and families <= _KEPT_WITH and not (aimed and "dolly" in families):
        return _keeping(phase, turned, _bearing(shift, arm))
    if aimed and {"dolly", "pedestal"} <= families <= _KEPT_WITH:
        return turned + _kept_high(shift, arm, context)[:, None] * [0, 1]
    return turned


def _bearing(shift: np.ndarray, arm: np.ndarray) -> np.ndarray:
    """(N, 2) yaw and pitch of turns that keep the subject at `arm` (3,) where it is in the picture, from cameras that
    have moved by `shift` (N, 3)."""
    to = arm - shift
    flat = np.hypot(to[:, 0], to[:, 2])
    yaw = np.arctan2(to[:, 0], to[:, 2]) - np.arctan2(arm[0], arm[2])
    return np.stack([yaw, np.arctan2(arm[1], np.hypot(arm[0], arm[2])) - np.arctan2(to[:, 1], flat)], 1)


def _keeping(phase: Phase, turned: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """(N, 2): the turn that is `needed` (N, 2) to keep the subject where it is. A pan or tilt that goes that way
    without a number means that turn; one that has a number or goes another way turns as it is `turned` (N, 2)."""
    out = needed.copy()
    for move in phase.moves:
        axis, sign = _TURNS.get(move.name, (0, 0))
        if sign and (move.asked.unit != "settled" or sign * needed[-1, axis] <= 0):
            out[:, axis] = turned[:, axis]
    return out


def _kept_high(shift: np.ndarray, arm: np.ndarray, context: Context) -> np.ndarray:
    """(N,) pitch by which a camera that has moved by `shift` (N, 3) must turn for the subject at `arm` (3,) to stay in
    frame, up and down: as little as that needs."""
    to = arm - shift
    lies = np.arctan2(to[:, 1], np.maximum(np.hypot(to[:, 0], to[:, 2]), 1e-6)) + context.level.pitch
    edge = max(np.arctan(_EDGE * np.tan(np.radians(context.view_degrees) / 2) / context.aspect), abs(lies[0]))
    return np.clip(lies, -edge, edge) - lies
