"""What the grounding looks at: the planes that its network reads, of all of a picture and of windows of it."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from dollygrip_backend.scene.median import median_depth

PICTURE = (192, 128)  # width, height
STRIDE = 8
COLUMNS, ROWS = PICTURE[0] // STRIDE, PICTURE[1] // STRIDE
# Looks at one picture: the top, the left and the size of a window in quarters of the picture; whether it is mirrored.
# In a window, what is small is larger. Of a mirrored picture, the same is seen in a mirror.
_WHOLE = 4
_LOOKS = (
    (0, 0, _WHOLE, False),
    (0, 0, _WHOLE, True),
    (0, 0, 3, False),
    (0, 1, 3, True),
    (1, 0, 3, False),
    (1, 1, 3, True),
)
AT_ALL_OF_IT = [size == _WHOLE for _, _, size, _ in _LOOKS]
# Hues in turns that colour words are centred on; how much of each a pixel has is given to the network beside RGB, which
# spares it most of the way from pixels to colour words.
_HUES = (0.0, 0.08, 0.15, 0.33, 0.6, 0.77, 0.92)  # red, orange, yellow, green, blue, purple, pink
PLANES = 5 + len(_HUES) + 3  # RGB, disparity, whether there is a depth; hues; black, grey, white


def shrunk(image: np.ndarray, depth: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """A picture and its depth by whole steps, no smaller than the looks at it need."""
    step = max(1, min(image.shape[0] // (2 * PICTURE[1]), image.shape[1] // (2 * PICTURE[0])))
    return np.asarray(Image.fromarray(image).reduce(step)), None if depth is None else depth[::step, ::step]


def looks_at(image: np.ndarray, depth: np.ndarray | None) -> Tensor:
    """All looks at one picture, uint8 (H, W, 3), and its depth (H, W) or None -> (looks, PLANES, 128, 192)."""
    pictures = []
    for *place, mirrored in _LOOKS:
        window = _window(*place, *image.shape[:2])
        picture = picture_planes(image[window], None if depth is None else depth[window])
        pictures.append(picture.flip(2) if mirrored else picture)
    return torch.stack(pictures)


def mean_of_looks(cells: Tensor) -> Tensor:
    """Cells (looks, ROWS * COLUMNS, width) of what each look sees -> (1, ROWS * COLUMNS, width) of the picture."""
    together = torch.zeros(cells.shape[2], ROWS, COLUMNS, device=cells.device)
    looks = torch.zeros_like(together)
    for seen, (*place, mirrored) in zip(cells.mT.unflatten(2, (ROWS, COLUMNS)), _LOOKS, strict=True):
        rows, columns = _window(*place, ROWS, COLUMNS)
        here = together[:, rows, columns]
        here += _resized(seen.flip(2) if mirrored else seen, here.shape[2], here.shape[1])
        looks[:, rows, columns] += 1
    return (together / looks).flatten(1).T[None]


def picture_planes(image: np.ndarray, depth: np.ndarray | None) -> Tensor:
    """uint8 (H, W, 3) and depth (H, W) in any unit, or None -> float (15, 128, 192).

    Colours in -1..1; disparity, the median depth over depth, at most 4, 0 in the sky; ones where there is a depth; how
    much of each hue there is, and of black, grey and white.
    """
    colours = colours_of(image, *PICTURE)
    disparity = torch.zeros(2, *colours.shape[1:])
    if depth is not None:
        median = min(median_depth(depth), 1e9)  # of nothing but sky, which any number leaves at 0
        near = torch.from_numpy(np.minimum(median / np.maximum(depth, 1e-6), 4).astype(np.float32))
        disparity[0], disparity[1] = _resized(near[None], *PICTURE)[0], 1
    return torch.cat([colours * 2 - 1, disparity, _colour_words(colours)])


def rgb_of(planes: Tensor) -> Tensor:
    """Planes (B, planes, H, W) of `picture_planes` -> RGB (B, 3, H, W) in 0..1."""
    return (planes[:, :3] + 1) / 2


def _colour_words(colours: Tensor) -> Tensor:
    """RGB (3, H, W) in 0..1 -> (10, H, W): likeness to the hues of _HUES by chroma, then black, grey, white."""
    high, low = colours.amax(0), colours.amin(0)
    chroma = high - low
    r, g, b = colours
    safe = chroma.clamp_min(1e-3)
    hue = torch.where(high == r, (g - b) / safe, torch.where(high == g, 2 + (b - r) / safe, 4 + (r - g) / safe)) / 6
    away = (hue[None] - torch.tensor(_HUES)[:, None, None] + 0.5) % 1 - 0.5
    saturation = chroma / high.clamp_min(0.05)
    vivid = (saturation * 1.5).clamp(0, 1) * torch.exp(-((away / 0.06) ** 2))
    greyness = (1 - 3 * saturation).clamp_min(0)
    tones = [greyness * torch.exp(-(((high - level) / 0.25) ** 2)) for level in (0.0, 0.5, 1.0)]
    return torch.cat([vivid, torch.stack(tones)])


def colours_of(image: np.ndarray, width: int, height: int) -> Tensor:
    """uint8 (H, W, 3) -> (3, height, width) in 0..1."""
    return _resized(torch.from_numpy(np.array(image)).permute(2, 0, 1).float(), width, height) / 255


def _resized(planes: Tensor, width: int, height: int) -> Tensor:
    """(C, H, W) -> (C, height, width): by area where it shrinks, so that no pixel is skipped."""
    mode = "area" if planes.shape[2] >= width and planes.shape[1] >= height else "bilinear"
    return interpolate(planes[None], (height, width), mode=mode)[0]


def _window(top: int, left: int, size: int, height: int, width: int) -> tuple[slice, slice]:
    """The rows and the columns of a window, given in quarters of the picture."""
    sides = ((top, height), (left, width))
    return tuple(slice(side * first // 4, side * (first + size) // 4) for first, side in sides)
