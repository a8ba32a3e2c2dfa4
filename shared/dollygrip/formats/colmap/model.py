"""What COLMAP's files hold, and the trajectory that it makes."""

from typing import Any

import attrs
import numpy as np

from dollygrip.errors import TrajectoryError
from dollygrip.formats.reading import common_size, inverse, natural, rigid, whole
from dollygrip.rotations import matrix_from_quaternion, quaternion_from_matrix
from dollygrip.trajectory import MAX_FRAMES, Trajectory


@attrs.frozen
class LensModel:
    """number: its id in binary files; parameters: how many; single: whether one focal length serves both axes."""

    number: int
    parameters: int
    single: bool


MODELS = {
    "SIMPLE_PINHOLE": LensModel(0, 3, True),
    "PINHOLE": LensModel(1, 4, False),
    "SIMPLE_RADIAL": LensModel(2, 4, True),
    "RADIAL": LensModel(3, 5, True),
    "OPENCV": LensModel(4, 8, False),
    "FULL_OPENCV": LensModel(6, 12, False),
}


@attrs.frozen
class Camera:
    """An entry of a cameras file. `where` names it in error messages."""

    where: str
    id: int
    model: str
    size: tuple[float, float]
    parameters: list[float]

    def pinhole(self) -> tuple[list[float], list[float]]:
        """[fx, fy, cx, cy] and the terms of distortion; raises TrajectoryError for a lens that is no pinhole."""
        if self.model not in MODELS:
            raise TrajectoryError(f"{self.where} has the lens {self.model}; expected is one of {', '.join(MODELS)}.")
        model, values = MODELS[self.model], self.parameters
        if len(values) != model.parameters:
            raise TrajectoryError(
                f"{self.where}: {self.model} has {model.parameters} parameters, not {len(values)}.",
                "Correct that line.",
            )
        values = values[:1] + values if model.single else values
        return values[:4], values[4:]


@attrs.frozen
class Image:
    """An entry of an images file: w2c is the quaternion (w, x, y, z) and the translation of world-to-camera."""

    where: str
    name: str
    w2c: list[float]
    camera: int


def view_of(
    cameras: list[Camera], images: list[Image]
) -> tuple[np.ndarray, np.ndarray, tuple[int, int], dict[str, Any]]:
    """c2w (T, 4, 4), intrinsics (T, 4), size and what was ignored, in the order of the images' names."""
    if not 1 <= len(images) <= MAX_FRAMES:
        raise TrajectoryError(f"The model must have 1 to {MAX_FRAMES} images, not {len(images)}.")
    images = sorted(images, key=lambda image: natural(image.name))
    known = {camera.id: camera for camera in cameras}
    for image in images:
        if image.camera not in known:
            raise TrajectoryError(f"{image.where} names camera {image.camera}; there is {sorted(known)[:12]}.")
    lenses = {camera: known[camera].pinhole() for camera in {image.camera for image in images}}
    intrinsics = np.array([lenses[image.camera][0] for image in images])
    intrinsics, size = common_size(intrinsics, [whole(known[image.camera].size) for image in images])
    distortion = {camera: terms for camera, (_, terms) in sorted(lenses.items()) if any(terms)}
    meta = {"ignored": {"distortion": distortion[min(distortion)]}} if distortion else {}
    return inverse(_poses(images)), intrinsics, size, meta


def w2c_rows(trajectory: Trajectory) -> list[list[float]]:
    """Quaternion and translation of world-to-camera for every frame, 7 numbers each."""
    w2c = inverse(trajectory.c2w)
    return np.concatenate([quaternion_from_matrix(w2c[:, :3, :3]), w2c[:, :3, 3]], 1).tolist()


def lenses_of(trajectory: Trajectory) -> tuple[list[list[float]], list[int]]:
    """The different lenses of a trajectory, and each frame's index into them."""
    lenses, index = np.unique(trajectory.intrinsics, axis=0, return_inverse=True)
    return lenses.tolist(), index.ravel().tolist()


def name_of_frame(index: int) -> str:
    return f"frame_{index + 1:05d}.png"


def _poses(images: list[Image]) -> np.ndarray:
    """World-to-camera (T, 4, 4)."""
    values = np.array([image.w2c for image in images])
    length = np.linalg.norm(values[:, :4], axis=1)
    sound = np.abs(length - 1) < 1e-2
    if not sound.all():
        bad = int(np.argmin(sound))
        raise TrajectoryError(f"{images[bad].where} has a quaternion of length {length[bad]:.4g}, not 1.")
    w2c = np.tile(np.eye(4), (len(images), 1, 1))
    w2c[:, :3, :3] = matrix_from_quaternion(values[:, :4] / length[:, None])
    w2c[:, :3, 3] = values[:, 4:]
    return rigid(w2c, lambda i: images[i].where)
