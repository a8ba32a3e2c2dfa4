"""People and animals whose face the detector does not see, from behind or in profile: where on them a camera aims.

The grounding is taught the middles of things, and heads. A camera that goes to somebody's middle cuts the head off, and
a tilt down to the shoes would end at the belt: what lies where follows from the head and the middle.
"""

import numpy as np

# Phrases by which the grounding was taught what heads look like.
HEADS = ("her face", "his face", "the head")
# From the head's middle to the body's parts lie so far, of people who stand; who is meant as a whole is aimed at there.
_DOWN = {"neck": 0.15, "person": 0.7, "chest": 0.4, "waist": 0.8, "knees": 1.5, "feet": 2.1}
BELOW = ("chest", "waist", "knees", "feet")  # of those, which the grounding does not know by name
_ASIDE = 0.15  # of the picture's width, how far a head may be from above the body's middle, …
_ABOVE = 0.02  # … of its height, how far above it is at least, …
_SHARE = 0.3  # … and of what looks like heads in all of the picture, how much must be there


def head_of(middle: tuple[float, float], heads: np.ndarray) -> tuple[float, float] | None:
    """The head (x, y) of the body with this middle, in shares of the picture; None where none is clear.

    heads: float (rows, columns), how likely each cell shows one, at most one together.
    """
    y, x = ((np.arange(count) + 0.5) / count for count in heads.shape)
    over = (np.abs(x - middle[0]) <= _ASIDE) & (y <= middle[1] - _ABOVE)[:, None]
    near = np.where(over, heads, 0)
    if near.sum() < _SHARE:
        return None
    row, column = np.unravel_index(near.argmax(), near.shape)
    near = near[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    return (
        float(np.average(x[max(0, column - 1) : column + 2], weights=near.sum(0))),
        float(np.average(y[max(0, row - 1) : row + 2], weights=near.sum(1))),
    )


def on_body(part: str, middle: tuple[float, float], head: tuple[float, float]) -> tuple[float, float]:
    """The place (x, y) of a part of somebody upright, as `people.part_named` calls it, or of the head; the picture's
    lower end where it ends above that."""
    down = _DOWN.get(part, 0.0)
    x = head[0] + min(down, 1) * (middle[0] - head[0])
    return x, min(head[1] + down * (middle[1] - head[1]), 0.99)
