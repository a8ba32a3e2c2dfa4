"""The reference image as the scene's first view: resized to the shot, with what lies beyond the shot's frame, too, and
depth in the shot's unit."""

from collections.abc import Sequence

import attrs
import numpy as np
from PIL import Image

from dollygrip.trajectory import Trajectory
from dollygrip_backend.scene.median import median_depth
from dollygrip_backend.video.engine import Shot, reference_view

DETAIL = 2
BEYOND = 1  # frames of the shot
ENOUGH_DETAIL = 1.3  # pixels of the image per pixel of the shot from which on `detail` shows more


@attrs.frozen(eq=False)
class Reference:
    """rgb uint8 (h, w, 3) and depth float32 (h, w) (inf for sky) at the shot's scale, and the view that took them.

    detail: the same picture with DETAIL times the pixels per side, where the image has them to give. frame: the rows
    and columns that the shot's frame shows from there; beyond them lies what a camera that turns or moves will see.
    """

    rgb: np.ndarray
    detail: np.ndarray | None
    depth: np.ndarray
    c2w: np.ndarray
    intrinsics: np.ndarray
    frame: tuple[slice, slice] = (slice(0, None), slice(0, None))

    @property
    def shown(self) -> np.ndarray:
        """uint8 (h, w, 3) of the shot's size: what its frame shows."""
        return self.rgb[self.frame]

    @property
    def view(self) -> tuple[np.ndarray, np.ndarray]:
        """c2w (4, 4) and intrinsics (4,), in pixels of the shot's size, of that frame."""
        rows, columns = self.frame
        return self.c2w, self.intrinsics - [0, 0, columns.start, rows.start]


def prepare_reference(shot: Shot, device: str) -> Reference:
    """Resize the image so that its middle fills the shot's frame, and find its depth.

    Of what lies beyond the frame, as much as BEYOND frames to each side is kept, where there is depth for it. Given
    depth is believed as it is; where only the frames have one, frame 0's is the image's. Estimated depth is scaled so
    that its median is the trajectory's scene depth: the unit in which the camera moves.
    """
    width, height = shot.size
    trajectory = shot.trajectory
    c2w, intrinsics = reference_view(trajectory)
    intrinsics = intrinsics * np.tile([width / trajectory.size[0], height / trajectory.size[1]], 2)
    left, top, right, bottom = cover_box(
        shot.image.shape[1], shot.image.shape[0], trajectory.size[0] / trajectory.size[1]
    )
    step = np.array([(right - left) / width, (bottom - top) / height])  # pixels of the image from one to the next
    of_frames = shot.depth is None and shot.depths is not None  # which ends with the frame
    most = 0 if of_frames else BEYOND * np.array(shot.size)
    beyond = np.minimum(np.array([left, top]) / step + 1e-6, most).astype(int)
    x, y = beyond * step
    box = (
        max(0.0, left - x),
        max(0.0, top - y),
        min(shot.image.shape[1], right + x),
        min(shot.image.shape[0], bottom + y),
    )
    size = np.array(shot.size) + 2 * beyond
    rgb = _resized(shot.image, size, box)
    detail = _resized(shot.image, DETAIL * size, box) if right - left >= ENOUGH_DETAIL * width else None
    if of_frames:
        depth = shot.depths[0]
    elif shot.depth is None:
        depth = without_specks(_estimated_depth(rgb, device))
        depth = depth * (trajectory.scene_depth / median_depth(depth))
    else:
        # Nearest: a mean of two depths at an edge is a surface that is not there.
        depth = Image.fromarray(np.asarray(shot.depth, np.float32))
        depth = np.asarray(depth.resize(size, Image.Resampling.NEAREST, box=box))
    frame = slice(beyond[1], beyond[1] + height), slice(beyond[0], beyond[0] + width)
    return Reference(rgb, detail, depth.astype(np.float32), c2w, intrinsics + np.concatenate([[0, 0], beyond]), frame)


def crop(image: np.ndarray, size: tuple[int, int], trajectory: Trajectory) -> np.ndarray:
    """The picture's centre of the trajectory's aspect, which is what its intrinsics are about, at a size."""
    return _resized(image, size, cover_box(image.shape[1], image.shape[0], trajectory.size[0] / trajectory.size[1]))


def _resized(image: np.ndarray, size: Sequence[int], box: tuple[float, float, float, float]) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize(tuple(size), Image.Resampling.LANCZOS, box=box))


def cover_box(width: int, height: int, aspect: float) -> tuple[float, float, float, float]:
    """The largest centred box (left, top, right, bottom) of an aspect (width over height) within an image."""
    w, h = (width, width / aspect) if width / height < aspect else (height * aspect, height)
    return (width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2


def without_specks(depth: np.ndarray) -> np.ndarray:
    """The median of every 5x5 neighbourhood: lone pixels that a network puts far off would fly through the picture."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(depth, 2, mode="edge"), (5, 5))
    return np.median(around.reshape(*depth.shape, 25), -1)


def _estimated_depth(rgb: np.ndarray, device: str) -> np.ndarray:
    from dollygrip_backend.scene.estimators import load_estimator  # a network: only where no depth was given

    return load_estimator(device).estimate(rgb).depth
