"""The channels that pose a camera object, as numbers, and the local matrices that they mean."""

import bpy
import numpy as np
from mathutils import Euler, Matrix

from dollygrip.curves import Channel
from dollygrip.errors import InputError
from dollygrip.rotations import (
    continuous_quaternions,
    matrix_from_quaternion,
    matrix_from_rotvec,
    quaternion_from_matrix,
)


def names_of(camera: bpy.types.Object) -> list[Channel]:
    """Location first, then rotation by the camera's rotation mode. Raises InputError for axis and angle."""
    if camera.rotation_mode == "AXIS_ANGLE":
        raise InputError(
            f"The rotation of {camera.name} is given by axis and angle.", "Set its rotation mode to XYZ Euler."
        )
    quaternion = camera.rotation_mode == "QUATERNION"
    rotation = ("rotation_quaternion", 4) if quaternion else ("rotation_euler", 3)
    return [(path, i) for path, count in (("location", 3), rotation) for i in range(count)]


def matrices(values: np.ndarray, mode: str) -> np.ndarray:
    """Channels (N, 6) or (N, 7) -> local matrices (N, 4, 4) without scale; Euler orders as Blender's, XYZ = Z Y X."""
    out = np.tile(np.eye(4), (len(values), 1, 1))
    out[:, :3, 3], rotation = values[:, :3], values[:, 3:]
    if mode == "QUATERNION":
        out[:, :3, :3] = matrix_from_quaternion(rotation / np.linalg.norm(rotation, axis=1, keepdims=True))
        return out
    for letter in mode:
        axis = "XYZ".index(letter)
        out[:, :3, :3] = matrix_from_rotvec(rotation[:, axis : axis + 1] * np.eye(3)[axis]) @ out[:, :3, :3]
    return out


def values(poses: np.ndarray, mode: str, given: np.ndarray) -> np.ndarray:
    """Local matrices (N, 4, 4) -> channels (N, 6) or (N, 7) that begin next to the first of `given` and never flip.

    Quaternions are as long as those of the first and the last of `given`, and in between.
    """
    near = given[0]
    if mode == "QUATERNION":
        found = continuous_quaternions(quaternion_from_matrix(poses[:, :3, :3]))
        lengths = np.linspace(*np.linalg.norm(given[[0, -1], 3:], axis=1), len(found))[:, None]
        rotation = found * (lengths if found[0] @ near[3:] >= 0 else -lengths)
    else:
        last, turned = Euler(near[3:], mode), []
        for pose in poses:
            last = Matrix(pose[:3, :3].tolist()).to_euler(mode, last)
            turned.append(last[:])
        rotation = np.array(turned)
    return np.concatenate([poses[:, :3, 3], rotation], 1)


def rates(value: np.ndarray, slope: np.ndarray, mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Channels (C,) and their slopes -> velocity (3,) and spin (3,) about the camera's own axes, per frame."""
    step = 1e-4 / max(1.0, float(np.abs(slope[3:]).max()))
    before, after = matrices(np.stack([value - step * slope, value + step * slope]), mode)[:, :3, :3]
    turn = (before.T @ after - after.T @ before) / (4 * step)
    return slope[:3], np.array([turn[2, 1], turn[0, 2], turn[1, 0]])
