"""The reference image as the scene's first view: cropped and resized to the shot, with depth in the shot's unit."""

import attrs
import numpy as np
from PIL import Image

from dollygrip.trajectory import Trajectory
from dollygrip_backend.scene.median import median_depth
from dollygrip_backend.video.engine import Shot, reference_view

DETAIL = 2
ENOUGH_DETAIL = 1.3  # pixels of the image per pixel of the shot from which on `detail` shows more


@attrs.frozen(eq=False)
class Reference:
    """rgb uint8 (h, w, 3) and depth float32 (h, w) (inf for sky) at the shot's size, and the view that took them.

    detail: the same picture with DETAIL times the pixels per side, where the image has them to give.
    """

    rgb: np.ndarray
    detail: np.ndarray | None
    depth: np.ndarray
    c2w: np.ndarray
    intrinsics: np.ndarray


def prepare_reference(shot: Shot, device: str) -> Reference:
    """Crop the image to the trajectory's aspect, resize it, and find its depth.

    Given depth is believed as it is; where only the frames have one, frame 0's is the image's. Estimated depth is
    scaled so that its median is the trajectory's scene depth: the unit in which the camera moves.
    """
    width, height = shot.size
    trajectory = shot.trajectory
    c2w, intrinsics = reference_view(trajectory)
    intrinsics = intrinsics * np.tile([width / trajectory.size[0], height / trajectory.size[1]], 2)
    box = cover_box(shot.image.shape[1], shot.image.shape[0], trajectory.size[0] / trajectory.size[1])
    rgb = crop(shot.image, shot.size, trajectory)
    detail = None
    if box[2] - box[0] >= ENOUGH_DETAIL * width:
        detail = crop(shot.image, (DETAIL * width, DETAIL * height), trajectory)
    if shot.depth is None and shot.depths is not None:
        depth = shot.depths[0]
    elif shot.depth is None:
        depth = without_specks(_estimated_depth(rgb, device))
        depth = depth * (trajectory.scene_depth / median_depth(depth))
    else:
        # Nearest: a mean of two depths at an edge is a surface that is not there.
        depth = Image.fromarray(np.asarray(shot.depth, np.float32))
        depth = np.asarray(depth.resize((width, height), Image.Resampling.NEAREST, box=box))
    return Reference(rgb, detail, depth.astype(np.float32), c2w, intrinsics)


def crop(image: np.ndarray, size: tuple[int, int], trajectory: Trajectory) -> np.ndarray:
    """The picture's centre of the trajectory's aspect, which is what its intrinsics are about, at a size."""
    box = cover_box(image.shape[1], image.shape[0], trajectory.size[0] / trajectory.size[1])
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, box=box))


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
