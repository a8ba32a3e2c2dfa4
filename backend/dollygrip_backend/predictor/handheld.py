"""The sway of a camera that is held in the hands, on top of the move that it makes.

Slow sines of many lengths, as a body that keeps its balance moves, and quick ones where it is shaken: a rule, for a
network that is taught sway learns little more than its mean, which is none.
"""

import re

import attrs
import numpy as np

from dollygrip.physics import SWAY_DEGREES, SWAY_TRAVEL
from dollygrip_backend.predictor.motion import CHANNELS
from dollygrip_backend.predictor.plan import Plan

_WAVES = 8
_HERTZ, _SHAKING_HERTZ = (0.2, 2.5), (2.5, 6.0)
_SHAKING = 0.35  # of the slow spread, for each factor above that of a camera in calm hands
_SLIGHT, _VIOLENT = 0.5, 3.0  # factors on the sway that words ask for
_STARTS = 0.4  # seconds in which it sets in, for frame 0 is the reference
_SPREAD = np.concatenate([SWAY_TRAVEL, np.radians(SWAY_DEGREES)])
_SHAKE = r"(?:shak\w*|hand-? ?held|wobbl\w*|jitter\w*|sway\w*|trembl\w*|bobb?\w*)"
_STEADY = re.compile(
    r"\b(?:no|without|zero|never|not|avoid|don't|isn't|free of)"
    rf"(?: (?:camera|cam|visible|any|more|extra|hand|much|too|the|a|that|kind of|bit of|be))* {_SHAKE}"
    rf"|\b{_SHAKE}[- ]free\b|\b(?:un|non-?){_SHAKE}",
    re.IGNORECASE,
)
_SLIGHTLY = re.compile(
    rf"\b(?:slight|subtle|gentle|little|tiny|minimal|soft|faint|mild|light)(?:ly)?\b[^.,;]{{0,14}}\b{_SHAKE}",
    re.IGNORECASE,
)
_VIOLENTLY = re.compile(
    rf"\b(?:violent|intense|heav|extreme|wild|strong|crazy|frantic|hard|very)\w*\b[^.,;]{{0,14}}\b{_SHAKE}"
    rf"|\b{_SHAKE} (?:violently|intensely|heavily|wildly|hard|a lot|like (?:crazy|mad))\b|\bearthquake|\bexplosion",
    re.IGNORECASE,
)
_AT_LAST = re.compile(
    rf"^(?:(?!{_SHAKE}).)*\b(?:then|finally|second half|at the (?:very )?end|ends? (?:with|on|in|by)|afterwards)\b"
    rf".*{_SHAKE}",
    re.IGNORECASE | re.DOTALL,
)


def held(plan: Plan, prompt: str) -> Plan:
    """The plan with the sway that its prompt says outright: none, a slight or a violent one, or one at last."""
    if not plan.handheld:
        return plan
    if _STEADY.search(prompt):
        return attrs.evolve(plan, handheld=0.0)
    if len(plan.phases) > 1 and _AT_LAST.match(prompt):
        plan = attrs.evolve(plan, sways_last=True)
    if _VIOLENTLY.search(prompt):
        return attrs.evolve(plan, handheld=_VIOLENT)
    return attrs.evolve(plan, handheld=_SLIGHT) if _SLIGHTLY.search(prompt) else plan


def sway(frames: int, duration: float, amount: float, rng: np.random.Generator, begins: float = 0.0) -> np.ndarray:
    """(frames, 7) channels to add, zero at frame 0: positions in subject distances and angles, the lens none.

    duration: seconds; amount: factor on the standard deviations of `dollygrip.physics`; begins: seconds until it sets
    in.
    """
    time = np.linspace(0, duration, frames)
    waves = _waves(time, _HERTZ, rng) + _SHAKING * max(amount - 1, 0) * _waves(time, _SHAKING_HERTZ, rng)
    out = np.zeros((frames, CHANNELS))
    out[:, :6] = amount * _SPREAD * waves * (1 - np.exp(-(time - begins).clip(0) / _STARTS))[:, None]
    return out


def _waves(time: np.ndarray, band: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """(T, 6) of standard deviation 1: sines of frequencies in the band, the slower the larger."""
    hertz = np.exp(rng.uniform(*np.log(band), (_WAVES, 1, 6)))
    size = hertz**-0.5
    size /= np.sqrt((size**2).sum(0) / 2)
    return (size * np.sin(2 * np.pi * (hertz * time[:, None] + rng.uniform(0, 1, hertz.shape)))).sum(0)
