"""A small picture of a move for the sidebar: how fast the camera travels and turns over time, and the plan's phases.

Blender's panels show pictures as icons: this one is drawn into the pixels of one, square as icons are.
"""

import numpy as np

from .. import drawing
from .path_shape import Shape, colour_of, speeds, turns

SIZE = 320
_MARGIN, _GAP = 6, 10
_BACK = np.array([0.11, 0.11, 0.12, 1.0])
_GRID, _PHASE = np.array([1.0, 1.0, 1.0, 0.10]), np.array([1.0, 1.0, 1.0, 0.45])
TURN = np.array([0.55, 0.85, 0.80, 1.0])

_drawn: tuple = ()


def icon_of(shape: Shape, ends: list[float]) -> int:
    """Icon of a move's plot, drawn anew only for another move. ends: of its phases, as in `plot`."""
    global _drawn
    icon = drawing.previews().get("plot")
    if icon is None or _drawn != (shape, tuple(ends)):
        icon = icon or drawing.previews().new("plot")
        pixels = plot(shape, ends)
        icon.image_size = SIZE, SIZE
        icon.image_pixels_float.foreach_set(pixels.ravel())
        _drawn = shape, tuple(ends)
    return icon.icon_id


def swatch(name: str, colour: np.ndarray) -> int:
    """Icon of a plain colour: the legend of a curve."""
    previews = drawing.previews()
    if name not in previews:
        pixels = np.zeros((32, 32, 4), np.float32)
        pixels[10:22, 4:28] = colour
        icon = previews.new(name)
        icon.image_size = icon.icon_size = 32, 32
        icon.image_pixels_float.foreach_set(pixels.ravel())
        icon.icon_pixels_float.foreach_set(pixels.ravel())
    return previews[name].icon_id


def plot(shape: Shape, ends: list[float]) -> np.ndarray:
    """(SIZE, SIZE, 4) float32, rows from the bottom up as Blender has them.

    Above the speed of travel, filled with the colours that the path has in the viewport; below that of turning; both
    from zero to their own maximum. ends: shares of the time, 0 to 1, at which the plan's phases end, as vertical lines.
    """
    picture = np.tile(_BACK, (SIZE, SIZE, 1))
    half = (SIZE - 2 * _MARGIN - _GAP) // 2
    left = slice(_MARGIN, SIZE - _MARGIN)
    lower, upper = picture[_MARGIN : _MARGIN + half, left], picture[-_MARGIN - half : -_MARGIN or None, left]
    moving = _curve(speeds(shape.sampled), shape.sampled.frames, upper.shape[1])
    turning = _curve(turns(shape.sampled), shape.sampled.frames, lower.shape[1])
    for part in (lower, upper):
        _blend(part, np.isin(np.arange(half), np.linspace(0, half - 1, 5).astype(int))[:, None], _GRID)
        for end in ends[:-1]:
            _blend(part, np.arange(part.shape[1])[None] == round(end * (part.shape[1] - 1)), _PHASE)
    _fill(upper, moving, colour_of(moving))
    _fill(lower, turning, np.tile(TURN, (len(turning), 1)))
    return picture.astype(np.float32)


def _curve(values: np.ndarray, frames: np.ndarray, columns: int) -> np.ndarray:
    """(columns,) shares of the maximum, evenly over time."""
    even = np.interp(np.linspace(frames[0], frames[-1], columns), frames, values)
    return even / even.max() if even.max() > 1e-9 else np.zeros(columns)


def _fill(part: np.ndarray, shares: np.ndarray, colours: np.ndarray) -> None:
    """Draw a curve over `part` (h, w, 4), and more softly what lies under it, in a colour for each column."""
    height = len(part)
    top = shares * (height - 3) + 1.0
    rows = np.arange(height)[:, None]
    _blend(part, 0.30 * np.clip(top - rows, 0, 1), colours)
    # A steep curve crosses several rows in one column: its line reaches half way to both neighbours.
    ends = np.concatenate([top[:1], (top[1:] + top[:-1]) / 2, top[-1:]])
    low = np.minimum.reduce([top, ends[:-1], ends[1:]]) - 1.2
    high = np.maximum.reduce([top, ends[:-1], ends[1:]]) + 1.2
    _blend(part, np.clip(np.minimum(rows - low, high - rows), 0, 1), colours)


def _blend(part: np.ndarray, amount: np.ndarray, colour: np.ndarray) -> None:
    amount = np.broadcast_to(amount, part.shape[:2])[..., None] * colour[..., 3:]
    part[..., :3] += amount * (colour[..., :3] - part[..., :3])
