"""The camera trajectory: poses and lens over time, the one currency of Dollygrip."""

from collections.abc import Callable
from typing import Any, Self

import attrs
import numpy as np

from dollygrip.errors import TrajectoryError
from dollygrip.rotations import continuous_quaternions, matrix_from_quaternion, quaternion_from_matrix
from dollygrip.splines import cubic_spline, hermite, parabola_slopes

MAX_FRAMES = 20_000
_RIGID_TOLERANCE = 1e-3


@attrs.frozen(eq=False)
class Trajectory:
    """A camera's poses and intrinsics, one per frame.

    c2w:         float64 (T, 4, 4), camera-to-world, OpenCV axes: +X right, +Y down, +Z forward. World +Y is
                 gravity's direction where that is known. Frame 0 need not be the identity.
    intrinsics:  float64 (T, 4), [fx, fy, cx, cy] in pixels of `size`. Image coordinates are continuous: (0, 0) is
                 the top left corner of the top left pixel, so a centred principal point is (width/2, height/2).
    size:        (width, height) in pixels.
    fps:         frames per second, > 0.
    scene_depth: median depth of the reference view, in the unit of the translations; makes the scale visible.
    meta:        provenance, JSON-serialisable: prompt, seed, model, reference hash, parent take. Its "reference" may
                 hold the view of the reference image, "c2w" and "intrinsics", in this world and in pixels of `size`.

    Raises TrajectoryError, naming the frame, for anything that breaks this convention.
    """

    c2w: np.ndarray = attrs.field(converter=lambda a: np.ascontiguousarray(a, np.float64))
    intrinsics: np.ndarray = attrs.field(converter=lambda a: np.ascontiguousarray(a, np.float64))
    size: tuple[int, int] = attrs.field(converter=lambda s: (int(s[0]), int(s[1])))
    fps: float = attrs.field(converter=float)
    scene_depth: float = attrs.field(default=1.0, converter=float)
    meta: dict[str, Any] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        check(self)

    def __len__(self) -> int:
        return len(self.c2w)

    @property
    def positions(self) -> np.ndarray:
        """(T, 3) camera centres in world coordinates."""
        return self.c2w[:, :3, 3]

    @property
    def rotations(self) -> np.ndarray:
        """(T, 3, 3) camera-to-world rotations; the columns are the camera's right, down and forward axes."""
        return self.c2w[:, :3, :3]

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return (len(self) - 1) / self.fps

    def relative(self) -> Self:
        """The same camera in a world whose origin is the pose of frame 0 (c2w[0] becomes the identity)."""
        return self.placed(np.eye(4))

    def placed(self, start: np.ndarray, scale: float = 1.0) -> Self:
        """The same move, translations times `scale`, starting at the pose `start` (4, 4); its reference goes along."""
        first = self.c2w[0]
        inverse = np.eye(4)
        inverse[:3, :3] = first[:3, :3].T
        inverse[:3, 3] = -first[:3, :3].T @ first[:3, 3]

        def moved(c2w: np.ndarray) -> np.ndarray:
            relative = inverse @ c2w
            relative[..., :3, 3] *= scale
            return np.asarray(start) @ relative

        meta = self._referring("c2w", (4, 4), moved)
        return attrs.evolve(self, c2w=moved(self.c2w), scene_depth=self.scene_depth * scale, meta=meta)

    def resized(self, size: tuple[int, int]) -> Self:
        """The same camera seen through an image of another size: intrinsics scale per axis, the framing stays."""
        scale = np.tile(np.divide(size, self.size), 2)
        meta = self._referring("intrinsics", (4,), lambda intrinsics: intrinsics * scale)
        return attrs.evolve(self, intrinsics=self.intrinsics * scale, size=size, meta=meta)

    def _referring(self, name: str, shape: tuple[int, ...], change: Callable[[np.ndarray], np.ndarray]) -> dict:
        """`meta` with an array of its reference's view changed; one that is none stays for who needs it to refuse."""
        try:
            reference = self.meta["reference"]
            array = np.asarray(reference[name], float)
        except (KeyError, TypeError, ValueError):
            return self.meta
        if array.shape != shape:
            return self.meta
        return {**self.meta, "reference": {**reference, name: change(array).tolist()}}

    def resampled(self, frames: int, fps: float | None = None) -> Self:
        """The same path over the same normalised time in another number of frames; C2 in position, rotation, lens.

        Positions and the logarithm of the focal lengths are splined; rotations as quaternions of one hemisphere,
        splined in R^4 and normalised, which keeps C2 since dense samples never come near the origin.
        """
        if not 1 <= frames <= MAX_FRAMES:
            raise TrajectoryError(f"Cannot resample to {frames} frames.", f"Use 1 to {MAX_FRAMES}.")
        if frames == len(self) and fps in (None, self.fps):
            return self
        at = np.linspace(0, len(self) - 1, frames) if frames > 1 else np.zeros(1)
        return self._splined(lambda channels: cubic_spline(channels, at), fps or self.fps)

    def retimed(self, times: np.ndarray, at: np.ndarray, fps: float) -> Self:
        """The path whose poses are seen at `times` (T,), increasing, T >= 2, seen at `at` (N,) within them; C1."""
        around = np.concatenate([2 * times[:1] - times[1:2], times, 2 * times[-1:] - times[-2:-1]])

        def spline(channels: np.ndarray) -> np.ndarray:
            before, after = 2 * channels[:1] - channels[1:2], 2 * channels[-1:] - channels[-2:-1]
            through = np.concatenate([before, channels, after])
            return hermite(around, through, parabola_slopes(around, through), at)

        return self._splined(spline, fps)

    def _splined(self, spline: Callable[[np.ndarray], np.ndarray], fps: float) -> Self:
        """spline: channels (T, 11) -> (N, 11)."""
        focal = np.log(self.intrinsics[:, :2])
        quaternions = continuous_quaternions(quaternion_from_matrix(self.rotations))
        new = spline(np.concatenate([self.positions, quaternions, focal, self.intrinsics[:, 2:]], 1))
        c2w = np.tile(np.eye(4), (len(new), 1, 1))
        c2w[:, :3, 3] = new[:, :3]
        c2w[:, :3, :3] = matrix_from_quaternion(new[:, 3:7] / np.linalg.norm(new[:, 3:7], axis=1, keepdims=True))
        intrinsics = np.concatenate([np.exp(new[:, 7:9]), new[:, 9:11]], 1)
        return attrs.evolve(self, c2w=c2w, intrinsics=intrinsics, fps=fps)


def check(trajectory: Trajectory) -> None:
    """Raise TrajectoryError with the first thing that is wrong, naming the frame."""
    c2w, intrinsics = trajectory.c2w, trajectory.intrinsics
    if c2w.ndim != 3 or c2w.shape[1:] != (4, 4):
        raise TrajectoryError(f"Poses must have the shape (frames, 4, 4), not {c2w.shape}.")
    if not 1 <= len(c2w) <= MAX_FRAMES:
        raise TrajectoryError(f"A trajectory has 1 to {MAX_FRAMES} frames, not {len(c2w)}.")
    if intrinsics.shape != (len(c2w), 4):
        raise TrajectoryError(f"Intrinsics must have the shape ({len(c2w)}, 4), not {intrinsics.shape}.")
    if min(trajectory.size) < 1:
        raise TrajectoryError(f"The image size must be positive, not {trajectory.size[0]}x{trajectory.size[1]}.")
    for name, value in (("frame rate", trajectory.fps), ("scene depth", trajectory.scene_depth)):
        if not (np.isfinite(value) and value > 0):
            raise TrajectoryError(f"The {name} must be a positive number, not {value}.")
    _first_bad(~np.isfinite(c2w).all((1, 2)), "has a pose that is not finite (NaN or infinity)")
    _first_bad(~np.isfinite(intrinsics).all(1), "has intrinsics that are not finite (NaN or infinity)")
    _first_bad((intrinsics[:, :2] <= 0).any(1), "has a focal length that is not positive")
    _first_bad((np.abs(c2w[:, 3] - [0, 0, 0, 1]) > 1e-6).any(1), "has a pose whose last row is not 0 0 0 1")
    rotation = c2w[:, :3, :3]
    gram = np.swapaxes(rotation, 1, 2) @ rotation - np.eye(3)
    _first_bad(np.abs(gram).max((1, 2)) > _RIGID_TOLERANCE, "has a pose that is not rigid (scaled or sheared)")
    _first_bad(np.linalg.det(rotation) < 0, "has a mirrored pose (left-handed axes)")


def _first_bad(bad: np.ndarray, what: str) -> None:
    if bad.any():
        raise TrajectoryError(f"Frame {int(np.argmax(bad))} {what}.", "Correct or remove that pose.")
