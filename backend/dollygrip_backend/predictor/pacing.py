"""When a camera that moves along a drawn path is where: the prompt's own timing walks the path from end to end.

A shot plan's phases follow one another in time. In those that travel the camera goes on, at the speed of their tempo;
in a pause it rests, and while it only looks around on the way to the next travelling phase too. A plan that only looks
walks all the time but in its pauses, and one that says nothing walks steadily. The camera starts from rest and comes to
rest, where its first and its last phase are long enough for that.
"""

from collections.abc import Callable

import attrs
import numpy as np

from dollygrip_backend.predictor.plan import EASINGS, TRAVELLING, Phase, Plan

Pace = Callable[[np.ndarray], np.ndarray]

_SPEEDS = {"slow": 0.5, "fast": 2.0, "whip": 4.0}  # beside one another; others have 1
_RAMP = 0.06  # of the time: how long before and after a change of speed it is eased
_FINE = 1000


def to_the_end(plan: Plan) -> Plan:
    """The plan, going on after a pause for what is left: "go halfway, then pause" leaves half of a path."""
    left = 1 - sum(_asked(phase) or 0.0 for phase in plan.phases)
    if pauses(plan.phases[-1]) and left > 0 and all(map(_asked, walking := [p for p in plan.phases if travels(p)])):
        return attrs.evolve(plan, phases=(*plan.phases, walking[-1])) if walking else plan
    return plan


def pace(plan: Plan) -> Pace:
    """Shares of the time (T,), 0 to 1 -> shares of the path (T,) that the camera has gone by then, from 0 to 1."""
    going = [travels(phase) for phase in plan.phases]
    if not any(going):
        rests = all(map(pauses, plan.phases))
        going = [rests or not pauses(phase) for phase in plan.phases]
    shares = np.array([phase.share for phase in plan.phases])
    shares /= shares.sum()
    lengths = shares * going * [_SPEEDS.get(phase.tempo, 1.0) for phase in plan.phases]
    asked = np.array([(_asked(phase) or 0.0) * on for phase, on in zip(plan.phases, going, strict=True)])
    free = lengths * (asked == 0)
    if 0 < asked.sum() < 1 and free.any():
        lengths = asked + free * (1 - asked.sum()) / free.sum()
    ends = np.cumsum(shares)
    time = np.linspace(-_RAMP, 1 + _RAMP, _FINE)
    inside = (time >= 0) & (time <= 1)
    number = np.minimum(np.searchsorted(ends, time), len(ends) - 1)
    local = np.clip((time - ends[number]) / shares[number] + 1, 0, 1)
    grows, falls = (np.array([phase.tempo == tempo for phase in plan.phases])[number] for tempo in EASINGS)
    window = np.hanning(2 * round(_RAMP / (time[1] - time[0])) + 1)
    moving = inside & np.array(going)[number]
    after_rest = moving & (np.convolve(~moving, np.ones(len(window)), mode="same") > 0.5)
    long = np.bincount(number, moving & ~after_rest, len(ends)) > 0  # enough for an edge that takes time
    speed = (moving & ~(after_rest & long[number])) * np.where(grows, 2 * local, np.where(falls, 2 - 2 * local, 1))
    each = np.bincount(number, speed, len(ends))  # a phase goes its length, whatever its edges take
    speed *= (lengths / np.maximum(each, 1e-9))[number]
    speed = np.convolve(speed, window, mode="same")[inside]
    gone = np.concatenate([[0], np.cumsum((speed[1:] + speed[:-1]) / 2)])
    return lambda when: np.interp(when, np.linspace(0, 1, len(gone)), gone / gone[-1])


def travels(phase: Phase) -> bool:
    """Whether the camera goes on in a phase."""
    return any(move.family in TRAVELLING for move in phase.moves) or (not phase.moves and phase.tempo != "plain")


def pauses(phase: Phase) -> bool:
    """Whether the camera rests in a phase."""
    return not phase.moves and phase.tempo == "plain"


def _asked(phase: Phase) -> float | None:
    """The share of the path that a phase was asked to go."""
    shares = [m.asked.value for m in phase.moves if m.family in TRAVELLING and m.asked and m.asked.unit == "share"]
    return max(shares) if shares and 0 < max(shares) < 1 else None
