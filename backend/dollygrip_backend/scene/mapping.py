"""Where the points that one camera sees lie for another one."""

import attrs
import numpy as np
from torch import Tensor
from torch.nn.functional import threshold

from dollygrip_backend.scene.surface import Place, Surface

BORDER = 3  # pixels beside the image from where a surface may still reach a pixel of it: STRAY, and half of one
FLAT = 1e-3  # below this a plane is seen so flatly from the target that a ray does not meet it
FAR_AWAY = 1e30  # stands for the inverse of a depth that is not positive: nothing so far off is inside an image
NEAR = 1e-3  # smallest depth in front of the camera, as a fraction of the sample's depth in its own view


@attrs.frozen(eq=False)
class Camera:
    """The target of a rendering: c2w (4, 4) OpenCV, intrinsics (4,) in pixels of width x height."""

    c2w: np.ndarray = attrs.field(converter=lambda a: np.asarray(a, float))
    intrinsics: np.ndarray = attrs.field(converter=lambda a: np.asarray(a, float))
    width: int
    height: int


@attrs.frozen(eq=False)
class Mapping:
    """How image points of one camera map into another: (x, y, disparity) there for (x, y, disparity) here.

    A point p = (x, y, 1) with disparity d lies at q = M p + d m there, in homogeneous pixels: M = K' R K^-1, m = K' t.
    q's last element is the ratio of the depths.
    """

    matrix: list[list[float]]
    shift: list[float]

    @staticmethod
    def between(source: Surface | Camera, target: Surface | Camera) -> "Mapping":
        """The mapping from the first camera to the second."""
        matrix, shift = _between(source, target.c2w, target.intrinsics)
        return Mapping(matrix.tolist(), shift.tolist())

    def __call__(self, x: Tensor, y: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x, y, disparity of any shapes that fit -> the same there; points behind the camera come out far away."""
        x, y, scale = self.along(self.rays(x, y), disparity)
        return x, y, scale.mul_(disparity)

    def rays(self, x: Tensor, y: Tensor) -> list[Tensor]:
        """Where points infinitely far away lie there, in homogeneous pixels."""
        return [(x * row[0]).add_(row[2]).add(y, alpha=row[1]) for row in self.matrix]

    def along(self, rays: list[Tensor], disparity: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x, y there of the points of `rays` that have a disparity here, and the ratio of that there to it."""
        q = [p.add(disparity, alpha=shift) for p, shift in zip(rays, self.shift, strict=True)]
        scale = threshold(q[2], NEAR, 1 / FAR_AWAY, inplace=True).reciprocal_()
        return q[0].mul_(scale), q[1].mul_(scale), scale

    def meet(self, rays: list[Tensor], there: tuple[Tensor, Tensor], place: Place) -> Tensor:
        """Disparity (N,) here at which `rays` meet the plane that touches a surface at `there`, x and y (N,).

        A plane's disparity there is a + b x' + c y', so that d = (b, c, a) . q: linear in the disparity here.
        """
        b, c = place.slopes()
        a = (place.disparity - b * there[0]).sub_(c * there[1])
        known = (b * rays[0]).add_(c * rays[1]).add_(a * rays[2])
        slope = 1.0 - b.mul_(self.shift[0]).add_(c.mul_(self.shift[1])).add_(a.mul_(self.shift[2]))
        return known.div_(slope.clamp_min_(FLAT)).clamp_min_(0.0)


def _between(source: Surface | Camera, c2w: np.ndarray, intrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """M (..., 3, 3) and m (..., 3) of the mappings from a camera to others: c2w (..., 4, 4), intrinsics (..., 4)."""
    turned = _matrix(intrinsics) @ np.swapaxes(c2w[..., :3, :3], -1, -2)
    matrix = turned @ source.c2w[:3, :3] @ np.linalg.inv(_matrix(source.intrinsics))
    return matrix, (turned @ (source.c2w[:3, 3] - c2w[..., :3, 3])[..., None])[..., 0]


def _matrix(intrinsics: np.ndarray) -> np.ndarray:
    lens = np.zeros((*intrinsics.shape[:-1], 3, 3))
    lens[..., [0, 1], [0, 1]], lens[..., :2, 2], lens[..., 2, 2] = intrinsics[..., :2], intrinsics[..., 2:], 1.0
    return lens


def in_view(surface: Surface, c2w: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """bool (T,): which cameras, c2w (T, 4, 4) and intrinsics (T, 4) in pixels of `size`, may see any of a surface.

    A point's image M p + d m is linear in x, y and disparity: where all corners of the surface's box lie beyond one
    side of a camera's pyramid, all of the surface does.
    """
    matrix, shift = _between(surface, c2w, intrinsics)
    x, y, z = np.moveaxis(np.concatenate([matrix, shift[..., None]], -1) @ surface.box.T, 1, 0)
    right, below = (side + BORDER for side in size)
    beyond = x < -BORDER * z, x > right * z, y < -BORDER * z, y > below * z, z <= 0
    return ~np.any([corners.all(-1) for corners in beyond], 0)
