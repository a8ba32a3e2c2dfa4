"""A picture with depth as a mesh in its camera's view: plain numpy, so any thread may make one."""

import attrs
import numpy as np

MAX_VERTICES = 80_000
SKY = 20.0  # the sky stands at this many median depths, where its own depth is infinite
_CUT = 0.08  # a relative jump of disparity between neighbours that may be a depth edge …
_UNEXPLAINED = 0.5  # … where neither side's slope explains this share of it …
_STEEP = 1 / 3  # … or that is too large for any surface


@attrs.frozen(eq=False)
class Grid:
    """Where a picture is sampled: x (w,) and y (h,) in its pixels, evenly spaced."""

    x: np.ndarray
    y: np.ndarray

    @classmethod
    def over(cls, size: tuple[int, int], picture: tuple[int, int]) -> tuple["Grid", slice]:
        """Centres of the pixels of a map of `size` that covers a picture, thinned to MAX_VERTICES, and every how many.

        Sizes are (width, height); the slice picks the map's own rows and columns.
        """
        step = int(np.ceil(np.sqrt(size[0] * size[1] / MAX_VERTICES)))
        part = slice(step // 2 if min(size) > step else 0, None, step)
        x, y = ((np.arange(side)[part] + 0.5) * full / side for side, full in zip(size, picture, strict=True))
        return cls(x, y), part


@attrs.frozen(eq=False)
class ProxyMesh:
    """points: (N, 3) in the axes of Blender's camera and in metres; uv: (N, 2), y up; quads: (Q, 4), facing the camera.

    A grid, row by row from the picture's upper left corner; cells that a depth edge passes through have no quad.
    """

    points: np.ndarray
    uv: np.ndarray
    quads: np.ndarray


def mesh_of(depth: np.ndarray, grid: Grid, lens: np.ndarray, picture: tuple[int, int]) -> ProxyMesh:
    """The surface that a picture shows.

    depth: (h, w) in metres along the view at the grid's points, inf for the sky; lens: (4,) intrinsics in pixels of
    the picture, whose size is (width, height).
    """
    depth = np.where(np.isfinite(depth), depth, SKY * np.median(depth[np.isfinite(depth)])).astype(float)
    fx, fy, cx, cy = lens
    x, y = np.meshgrid(grid.x, grid.y)
    points = np.stack([(x - cx) / fx * depth, -(y - cy) / fy * depth, -depth], -1)
    uv = np.stack([x / picture[0], 1 - y / picture[1]], -1)
    corner = np.arange(depth.size).reshape(depth.shape)
    quads = np.stack([corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]], -1)
    return ProxyMesh(points.reshape(-1, 3), uv.reshape(-1, 2), quads[whole_cells(1 / depth)])


def whole_cells(disparity: np.ndarray) -> np.ndarray:
    """(h, w) -> bool (h - 1, w - 1): the cells that no depth edge passes through.

    A plane's disparity is linear in the picture: a floor that runs to the horizon has large steps, but each is like
    the one before it or after it.
    """
    along, across = _edges(disparity), _edges(disparity.T).T
    return ~(along[:-1] | along[1:] | across[:, :-1] | across[:, 1:])


def _edges(disparity: np.ndarray) -> np.ndarray:
    """(h, w) -> bool (h, w - 1): a depth edge between point j and j + 1 of a row."""
    step = np.diff(disparity, axis=1)
    size, nearer = np.abs(step), np.maximum(disparity[:, 1:], disparity[:, :-1])
    beside = np.pad(step, ((0, 0), (1, 1)), constant_values=np.inf)
    unlike = np.minimum(np.abs(step - beside[:, :-2]), np.abs(step - beside[:, 2:]))
    return (size > _STEEP * nearer) | ((size > _CUT * nearer) & (unlike > _UNEXPLAINED * size))
