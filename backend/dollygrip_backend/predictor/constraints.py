"""What an animator fixes of a camera before it is predicted: keyframes, and a sketched path.

Both are seen by the network, as values and mask, so that the move leads there; then they are met exactly, by the
smoothest small correction.
"""

import attrs
import numpy as np

from dollygrip.errors import InputError
from dollygrip.splines import hermite, parabola_slopes
from dollygrip_backend.predictor.channels import SCALE, angles_of_rotation, rotation_of_angles
from dollygrip_backend.predictor.level import Level
from dollygrip_backend.predictor.motion import CHANNELS, SAMPLES
from dollygrip_backend.predictor.pacing import Pace

_STARTS = 0.01  # of scene depth: how far from the camera a path may begin


@attrs.frozen(eq=False)
class Keyframe:
    """A camera that is given at a frame, relative to frame 0's (OpenCV axes, the trajectory's unit of length).

    position (3,); rotation (3, 3) camera to world, or None where the prompt chooses it.
    """

    frame: int
    position: np.ndarray
    rotation: np.ndarray | None = None


@attrs.frozen(eq=False)
class Constraints:
    """keyframes: at frames 1 and later; path: (N, 3) points from the camera on, walked from end to end, or None."""

    keyframes: tuple[Keyframe, ...] = ()
    path: np.ndarray | None = None

    def check(self, frames: int, scene_depth: float) -> None:
        """Raise InputError for the first thing that cannot be met."""
        seen = set()
        for key in self.keyframes:
            if not 1 <= key.frame < frames:
                raise InputError(
                    f"A keyframe is at frame {key.frame} of {frames}.",
                    f"Frame 0 is the reference; put it at 1 to {frames - 1}.",
                )
            if key.frame in seen:
                raise InputError(f"Two keyframes are at frame {key.frame}.", "Keep one of them.")
            seen.add(key.frame)
            _check_pose(key)
        if self.path is None:
            return
        path = np.asarray(self.path, float)
        if path.ndim != 2 or path.shape[1] != 3 or len(path) < 2 or not np.isfinite(path).all():
            raise InputError(f"A path must be finite points (N, 3), at least two, not {path.shape}.")
        if np.linalg.norm(np.diff(path, axis=0), axis=1).sum() < 1e-6 * scene_depth:
            raise InputError("The path has no length.", "Draw it from the camera to where the camera should go.")
        start = float(np.linalg.norm(path[0]))
        if start > _STARTS * scene_depth:
            raise InputError(
                f"The path begins {start:.3g} away from the camera.",
                "Begin it at the camera: its first point is 0, 0, 0.",
            )

    def levelled(self, level: Level) -> "Constraints":
        """The same along level axes, rotations relative to frame 0's, as channels have them."""
        keyframes = [
            Keyframe(
                key.frame,
                level.matrix @ key.position,
                None if key.rotation is None else rotation_of_angles(level.turned(np.asarray(key.rotation)[None]))[0],
            )
            for key in self.keyframes
        ]
        path = None if self.path is None else np.asarray(self.path, float) @ level.matrix.T
        return Constraints(tuple(keyframes), path)

    def known(self, frames: int, scale: float, pace: Pace) -> tuple[np.ndarray, np.ndarray]:
        """Normalised channels (64, 7) where the mask (64, 7) is 1; scale: the length that a position of 1 means.

        pace: when the camera is where on the path.
        """
        known, given = np.zeros((SAMPLES, CHANNELS), np.float32), np.zeros((SAMPLES, CHANNELS), np.float32)
        if self.path is not None:
            known[:, :3] = self.walked(pace(np.linspace(0, 1, SAMPLES))) / scale / SCALE[:3]
            given[:, :3] = 1
        for key in self.keyframes:
            sample = int(np.clip(round(key.frame / (frames - 1) * (SAMPLES - 1)), 1, SAMPLES - 1))
            known[sample, :3] = key.position / scale / SCALE[:3]
            given[sample, :3] = 1
            if key.rotation is not None:
                known[sample, 3:6] = angles_of_rotation(key.rotation[None])[0] / SCALE[3:6]
                given[sample, 3:6] = 1
        return known, given

    def walked(self, gone: np.ndarray) -> np.ndarray:
        """(T, 3): points of the path at shares (T,) of its length."""
        path = np.asarray(self.path, float)
        length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
        return np.stack([np.interp(gone * length[-1], length, path[:, axis]) for axis in range(3)], 1)

    def met(self, channels: np.ndarray, scale: float, pace: Pace) -> np.ndarray:
        """Channels (frames, 7) in subject distances -> the same, passing exactly through everything that is given."""
        out = channels.copy()
        frames = len(out)
        if self.path is not None:
            out[:, :3] = self.walked(pace(np.linspace(0, 1, frames))) / scale
        keys = sorted(self.keyframes, key=lambda key: key.frame)
        if keys:
            at = np.array([key.frame for key in keys])
            wanted = np.stack([key.position for key in keys]) / scale
            out[:, :3] += spread(at, wanted - out[at, :3], frames)
        turned = [key for key in keys if key.rotation is not None]
        if turned:
            at = np.array([key.frame for key in turned])
            wrong = np.concatenate([angles_of_rotation(key.rotation[None]) for key in turned]) - out[at, 3:6]
            wrong[:, [0, 2]] -= 2 * np.pi * np.round(wrong[:, [0, 2]] / (2 * np.pi))  # the nearest full turn
            out[:, 3:6] += spread(at, wrong, frames)
        return out


def spread(at: np.ndarray, offsets: np.ndarray, frames: int) -> np.ndarray:
    """(frames, C): the smooth curve that is zero at frame 0, offsets (N, C) at frames `at` (N,), and then constant."""
    times, values = np.concatenate([[0], at]), np.concatenate([np.zeros((1, offsets.shape[1])), offsets])
    return hermite(times, values, parabola_slopes(times, values), np.arange(frames))


def _check_pose(key: Keyframe) -> None:
    if np.shape(key.position) != (3,) or not np.isfinite(key.position).all():
        raise InputError(f"The keyframe at frame {key.frame} has no finite position (3,).")
    if key.rotation is not None:
        rotation = np.asarray(key.rotation, float)
        if rotation.shape != (3, 3) or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4):
            raise InputError(
                f"The keyframe at frame {key.frame} has a rotation that is none.", "Give an orthonormal 3x3."
            )
        if np.linalg.det(rotation) < 0:
            raise InputError(
                f"The keyframe at frame {key.frame} is mirrored (left-handed axes).",
                "Give +X right, +Y down, +Z forward.",
            )
