"""The sway of a camera that is held in the hands, on top of the move that it makes.

Slow sines of many lengths, as a body that keeps its balance moves: a rule, for a network that is taught sway learns
little more than its mean, which is none.
"""

import numpy as np

from dollygrip.physics import SWAY_DEGREES, SWAY_TRAVEL
from dollygrip_backend.predictor.motion import CHANNELS

_WAVES = 8
_HERTZ = (0.2, 2.5)
_STARTS = 0.4  # seconds in which it sets in, for frame 0 is the reference
_SPREAD = np.concatenate([SWAY_TRAVEL, np.radians(SWAY_DEGREES)])


def sway(frames: int, duration: float, amount: float, rng: np.random.Generator) -> np.ndarray:
    """(frames, 7) channels to add, zero at frame 0: positions in subject distances and angles, the lens none.

    duration: seconds; amount: factor on the standard deviations of `dollygrip.physics`.
    """
    hertz = np.exp(rng.uniform(*np.log(_HERTZ), (_WAVES, 1, 6)))
    size = hertz**-0.5
    size /= np.sqrt((size**2).sum(0) / 2)
    time = np.linspace(0, duration, frames)
    waves = (size * np.sin(2 * np.pi * (hertz * time[:, None] + rng.uniform(0, 1, hertz.shape)))).sum(0)
    out = np.zeros((frames, CHANNELS))
    out[:, :6] = amount * _SPREAD * waves * (1 - np.exp(-time / _STARTS))[:, None]
    return out
