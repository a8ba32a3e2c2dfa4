"""Plain random RGB-D pictures: ground, backdrop and a few flat shapes, by numpy alone.

They teach the predictor to take no direction from a picture's colours. The rendered scenes of `data.scenes` are for
what needs real appearance.
"""

import numpy as np

_WIDTH, _HEIGHT = 96, 64
_ROWS, _COLUMNS = np.mgrid[0:_HEIGHT, 0:_WIDTH]


def random_picture(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(rgb uint8 (64, 96, 3), depth float32 (64, 96)) with a median depth of 1."""
    horizon = rng.uniform(0.2, 0.6) * _HEIGHT
    ground = rng.uniform(0.3, 1.2) * _HEIGHT / np.maximum(_ROWS - horizon, 0.5)
    depth = np.minimum(ground, rng.uniform(1.2, 8.0))
    cells = rng.integers(0, 256, (rng.integers(2, 9), rng.integers(2, 9), 3))
    rows = _ROWS * len(cells) // _HEIGHT
    rgb = cells[rows, _COLUMNS * cells.shape[1] // _WIDTH].astype(np.float32)
    for i in range(rng.integers(1, 5)):
        x, y = (0.5, 0.5) if i == 0 else rng.uniform(0, 1, 2)  # the first shape is what the shot is about
        radius = rng.uniform(0.15, 0.45, 2) * _HEIGHT
        u, v = (_COLUMNS - x * _WIDTH) / radius[0], (_ROWS - y * _HEIGHT) / radius[1]
        inside = (np.maximum(abs(u), abs(v)) < 1) if rng.random() < 0.5 else (u * u + v * v < 1)
        near = rng.uniform(0.4, 4.0)
        inside &= depth > near
        depth = np.where(inside, near, depth)
        rgb[inside] = rng.integers(0, 256, 3)
    rgb += rng.normal(0, rng.uniform(0, 25), rgb.shape)
    return np.clip(rgb, 0, 255).astype(np.uint8), (depth / np.median(depth)).astype(np.float32)
