"""Blender's camera against Dollygrip's: the one place where axes, units and lenses are converted.

Axes. Blender: world Z up, camera looks along -Z with +Y up. Dollygrip: OpenCV, world Y down, camera looks along +Z.

    c2w = WORLD @ matrix_world @ CAMERA          WORLD:  (x, y, z) -> (x, -z, y)      CAMERA: diag(1, -1, -1)

Units. Trajectory metres = Blender units * unit_settings.scale_length.

Lens (Blender: BKE_camera_params_compute_viewplane). With w, h the render size in pixels, r = pixel_aspect_y /
pixel_aspect_x, and the sensor fit (AUTO: horizontal where w * aspect_x >= h * aspect_y):

    view = w (horizontal) or r * h (vertical)         sensor = sensor_width, or sensor_height where the fit is VERTICAL
    fx = lens / sensor * view                         fy = fx / r
    cx = w / 2 - shift_x * view                       cy = h / 2 + shift_y * view / r
"""

from typing import Literal

import attrs
import numpy as np

from dollygrip.errors import TrajectoryError

SensorFit = Literal["AUTO", "HORIZONTAL", "VERTICAL"]

WORLD = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)
CAMERA = np.diag([1.0, -1.0, -1.0, 1.0])


@attrs.frozen
class Sensor:
    """What of a Blender camera and scene shapes the image and is not animated by a take.

    width, height: sensor size in millimetres; size: render size in pixels, resolution percentage applied;
    aspect: (pixel_aspect_x, pixel_aspect_y).
    """

    size: tuple[int, int]
    width: float = 36.0
    height: float = 24.0
    fit: SensorFit = "AUTO"
    aspect: tuple[float, float] = (1.0, 1.0)

    @property
    def pixel_ratio(self) -> float:
        """Height of a pixel over its width."""
        return self.aspect[1] / self.aspect[0]

    @property
    def horizontal(self) -> bool:
        """Whether the sensor's fitted side lies along the image's width."""
        if self.fit == "AUTO":
            return self.size[0] * self.aspect[0] >= self.size[1] * self.aspect[1]
        return self.fit == "HORIZONTAL"

    @property
    def view(self) -> float:
        """The fitted side of the image, in pixel widths."""
        return float(self.size[0]) if self.horizontal else self.pixel_ratio * self.size[1]

    @property
    def side(self) -> float:
        """The fitted side of the sensor in millimetres; AUTO uses the width even for a portrait image."""
        return self.height if self.fit == "VERTICAL" else self.width


def intrinsics_from_lens(lens: np.ndarray, shift: np.ndarray, sensor: Sensor) -> np.ndarray:
    """Focal lengths (T,) in millimetres and shifts (T, 2) -> (T, 4) [fx, fy, cx, cy] in pixels."""
    lens, shift = np.asarray(lens, float), np.asarray(shift, float)
    fx = lens / sensor.side * sensor.view
    cx = sensor.size[0] / 2 - shift[:, 0] * sensor.view
    cy = sensor.size[1] / 2 + shift[:, 1] * sensor.view / sensor.pixel_ratio
    return np.stack([fx, fx / sensor.pixel_ratio, cx, cy], -1)


def lens_from_intrinsics(intrinsics: np.ndarray, sensor: Sensor) -> tuple[np.ndarray, np.ndarray]:
    """(T, 4) intrinsics in pixels of `sensor.size` -> focal lengths (T,) in millimetres, shifts (T, 2).

    Raises TrajectoryError where fx / fy is not the sensor's pixel ratio: one Blender scene has one pixel aspect, so
    such a camera cannot be set.
    """
    fx, fy, cx, cy = np.asarray(intrinsics, float).T
    off = np.abs(fx / fy / sensor.pixel_ratio - 1)
    if np.any(off > 1e-3):
        worst = int(off.argmax())
        raise TrajectoryError(
            f"The pixels of frame {worst} have the aspect {fx[worst] / fy[worst]:.4f}, the scene's"
            f" {sensor.pixel_ratio:.4f}.",
            "Set the scene's pixel aspect to match, or resize the trajectory.",
        )
    shift_x = (sensor.size[0] / 2 - cx) / sensor.view
    shift_y = (cy - sensor.size[1] / 2) * sensor.pixel_ratio / sensor.view
    return fx * sensor.side / sensor.view, np.stack([shift_x, shift_y], -1)


def c2w_from_blender(matrix_world: np.ndarray, unit_scale: float = 1.0) -> np.ndarray:
    """(T, 4, 4) evaluated `camera.matrix_world` in Blender units -> (T, 4, 4) OpenCV camera-to-world in metres.

    A scaled parent scales a camera object but not what it sees: the axes are made orthonormal, the viewing direction
    first, then up, as Blender's own view matrix does for uniform scale.
    """
    c2w = WORLD @ np.asarray(matrix_world, float) @ CAMERA
    forward = c2w[:, :3, 2] / np.linalg.norm(c2w[:, :3, 2], axis=-1, keepdims=True)
    down = c2w[:, :3, 1] - forward * np.sum(forward * c2w[:, :3, 1], -1, keepdims=True)
    down /= np.linalg.norm(down, axis=-1, keepdims=True)
    c2w[:, :3, :3] = np.stack([np.cross(down, forward), down, forward], -1)
    c2w[:, :3, 3] *= unit_scale
    return c2w


def blender_from_c2w(c2w: np.ndarray, unit_scale: float = 1.0) -> np.ndarray:
    """(T, 4, 4) OpenCV camera-to-world in metres -> (T, 4, 4) `matrix_world` in Blender units, without scale."""
    scaled = np.array(c2w, float)
    scaled[..., :3, 3] /= unit_scale
    return WORLD.T @ scaled @ CAMERA
