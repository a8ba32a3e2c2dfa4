"""Where a camera looks on a drawn path, where that is said: where it goes, back the way it came, or at its subject.

Rules on top of the reader, which knows of no path: "look where you go" is no pan to it.
"""

import re
from collections.abc import Callable

import attrs
import numpy as np

from dollygrip.rotations import matrix_from_rotvec, rotvec_from_matrix
from dollygrip_backend.predictor.channels import angles_of_rotation, rotation_of_angles
from dollygrip_backend.predictor.motion import PITCH, ROLL, YAW
from dollygrip_backend.predictor.pacing import pauses, travels
from dollygrip_backend.predictor.plan import Move, Plan
from dollygrip_backend.predictor.settling import Context

AHEAD, BACK, SUBJECT = "ahead", "back", "subject"

_LOOKS = r"\b(?:look|fac|point|aim|gaz|turn|orient|align)\w*\b[^.;]{0,24}?"
_GOING = (
    r"(?:where(?:ver)? (?:it|we|you|the camera)(?:'s|'re| is| are)? (?:go|head|fly|mov|travel|driv|walk)\w*"
    r"|(?:the )?direction (?:of (?:the )?(?:travel|motion|movement|path|flight)|it|we|you)"
    r"|(?:its|our|the) (?:own )?heading"
    r"|along (?:the|its|our|this) (?:path|way|curve|track|line|road|route|spline))"
)
_AHEAD = re.compile(
    rf"{_LOOKS}(?:\bahead\b|\bforwards?\b|\bto the front\b|{_GOING})|\bforward[- ]facing\b|\bnose[- ]first\b"
    r"|\bfpv\b|\bpov\b|\bfirst[- ]person\b|\bfly[- ]?through\b|\bthrough the windscreen\b"
    r"|\beyes? (?:on the (?:road|path|way)|ahead|forward)\b",
    re.IGNORECASE,
)
_BACK = re.compile(
    rf"{_LOOKS}(?:\bback(?:wards?)?\b(?! (?:at|to) (?:the|her|him|it|them)\b)|\bbehind\b"
    r"|where (?:it|we|you|the camera) c[ao]me)"
    r"|\bback(?:ward)?s?[- ]facing\b|\bback(?:wards?)? the way\b|\bin reverse\b",
    re.IGNORECASE,
)
# What goes along so looks ahead, where nothing is said of looking
_ONWARD = re.compile(
    r"\b(?:fl(?:y|ies|ying)|driv(?:es?|ing)|rid(?:es?|ing)|walk(?:s|ing)?|run(?:s|ning)?)"
    r" (?:along|down|through|over)\b",
    re.IGNORECASE,
)
_LOOKING = re.compile(rf"{_LOOKS}\b|\b(?:keep|stay|hold|toward)\w*\b", re.IGNORECASE)
_SEEN = (-0.03, 0.09)  # of the path's length, about where the camera is: its direction there is told by these points
_STEEP = 0.12  # of a direction that is level: where less is, it tells no heading
_HIGHEST = np.radians(80)  # above and below the level: no camera rolls over
_HASTE = np.radians(45)  # a second: how fast the reference's view is left for the gaze, …
_EASE = 0.5  # … and the seconds that this takes besides, so that a small turn is no jerk


def said_gaze(prompt: str, plan: Plan, named: bool, chosen: bool) -> str:
    """Where a prompt has a camera look on its path, "" where it says nothing of that.

    named: the subject is something that the words name and the picture shows; chosen: the animator pointed at it.
    """
    if _BACK.search(prompt):
        return BACK
    if _AHEAD.search(prompt):
        return AHEAD
    if chosen or (named and plan.kept):
        return SUBJECT
    turns = any(move.family in ("pan", "tilt") for phase in plan.phases for move in phase.moves)
    return AHEAD if _ONWARD.search(prompt) and not turns and not _LOOKING.search(prompt) else ""


def walking(plan: Plan) -> Plan:
    """The plan whose first phase that moves does not turn, which is what a gaze was taken for: "look ahead along the
    path" is no pan, and before a pause no pause. Where nothing travels, what moves goes along the path."""
    first, phases = _first(plan), list(plan.phases)
    kept = tuple(move for move in phases[first].moves if move.family not in ("pan", "tilt"))
    phases[first] = attrs.evolve(phases[first], moves=kept)
    going = any(phase.moves and travels(phase) for phase in phases)
    if going and not kept and any(pauses(phase) for phase in phases[first + 1 : first + 2]):
        del phases[first]
    if not going:
        phases = [
            attrs.evolve(phase, moves=(Move("dolly", "in"), *phase.moves)) if phase.moves or i == first else phase
            for i, phase in enumerate(phases)
        ]
    return attrs.evolve(plan, phases=tuple(phases))


def _first(plan: Plan) -> int:
    return next((i for i, phase in enumerate(plan.phases) if phase.moves), 0)


def looking(
    channels: np.ndarray,
    plan: Plan,
    walked: Callable[[np.ndarray], np.ndarray],
    gone: np.ndarray,
    aim: np.ndarray,
    context: Context,
) -> np.ndarray:
    """Channels (T, 7) of a take whose yaw and pitch are those of the plan's gaze on a path.

    walked: points (T, 3) of the path, along level axes, at shares (T,) of its length, of which `gone` (T,) are those of
    the take; aim: (3,) the subject there.
    """
    if plan.gaze == SUBJECT:
        return gazing(channels, aim - walked(gone), 1.0, context)
    before, after = (walked(np.clip(gone + seen, 0, 1)) for seen in _SEEN)
    way = 1 if plan.gaze == AHEAD else -1
    return gazing(channels, way * (after - before), plan.ends[_first(plan)], context)


def gazing(channels: np.ndarray, towards: np.ndarray, ends: float, context: Context) -> np.ndarray:
    """Channels (T, 7) of a camera that looks `towards` (T, 3), along level axes, its horizon level, whatever its own
    yaw and pitch were.

    From frame 0's view it turns there without haste. Turns after the share `ends` of the time, and rolls, are made
    beside that.
    """
    faced = _facing(towards)
    apart = rotvec_from_matrix((faced[0].T @ context.level.matrix)[None])  # (1, 3) to where frame 0 looks
    time = np.linspace(0, 1, len(channels))
    turning = np.clip((np.linalg.norm(apart) / _HASTE + _EASE) / context.duration, 1e-6, 0.5)
    left = 1 - np.clip(time / turning, 0, 1)
    left = left * left * (3 - 2 * left)
    own = channels[:, [YAW, PITCH, ROLL]].copy()
    own[:, :2] -= own[min(np.searchsorted(time, ends - 1e-9), len(time) - 1), :2]
    own[time < ends, :2] = 0
    out = channels.copy()
    turned = faced @ matrix_from_rotvec(left[:, None] * apart) @ rotation_of_angles(own)
    out[:, [YAW, PITCH, ROLL]] = angles_of_rotation(turned) - context.level.angles
    return out


def _facing(towards: np.ndarray) -> np.ndarray:
    """(T, 3, 3) of cameras that look along (T, 3) with a level horizon; where that is steep, the heading is that of
    before and after."""
    flat = towards * [1, 0, 1]
    level, length = np.linalg.norm(flat, axis=1), np.linalg.norm(towards, axis=1)
    sure = np.flatnonzero(level > _STEEP * np.maximum(length, 1e-12))
    frames = np.arange(len(flat))
    heading = np.stack([np.interp(frames, sure, flat[sure, axis]) for axis in (0, 2)]) if len(sure) else None
    yaw = np.zeros(len(flat)) if heading is None else np.arctan2(*heading)
    pitch = np.clip(np.arctan2(-towards[:, 1], level), -_HIGHEST, _HIGHEST)
    return rotation_of_angles(np.stack([yaw, pitch, 0 * yaw], 1))
