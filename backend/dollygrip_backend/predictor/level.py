"""How frame 0's camera stands to the vertical: pans turn, cranes rise and orbits go around by that, as on a tripod."""

import attrs
import numpy as np

from dollygrip_backend.predictor.channels import angles_of_rotation, rotation_of_angles

SKY = (0.0, -1.0, 0.0)  # where it is for a camera that stands level
_STEEPEST = np.radians(65)  # nearer to straight up or down a camera has no heading: its own axes count as level


@attrs.frozen
class Level:
    """Frame 0's pitch, > 0 looks up, and roll, > 0 clockwise from behind, in radians.

    Channels have their positions along level axes (right, down, ahead) with frame 0's heading, their angles relative to
    frame 0's own.
    """

    pitch: float = 0.0
    roll: float = 0.0

    @classmethod
    def of(cls, up: np.ndarray) -> "Level":
        """Of a camera in whose axes (right, down, forward) the sky is in the direction `up` (3,)."""
        x, y, z = np.asarray(up, float) / np.linalg.norm(up)
        pitch = float(np.arcsin(np.clip(z, -1, 1)))
        return cls(pitch, float(np.arctan2(-x, -y))) if abs(pitch) < _STEEPEST else cls()

    @property
    def angles(self) -> np.ndarray:
        """(3,) yaw, pitch and roll of frame 0."""
        return np.array([0.0, self.pitch, self.roll])

    @property
    def matrix(self) -> np.ndarray:
        """(3, 3) from frame 0's axes to level ones."""
        return rotation_of_angles(self.angles)

    def poses(self, channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(T, 7) channels -> c2w (T, 4, 4) in frame 0's axes and the channels' unit, focal ratio (T,)."""
        c2w = np.tile(np.eye(4), (len(channels), 1, 1))
        c2w[:, :3, :3] = self.matrix.T @ rotation_of_angles(channels[:, 3:6] + self.angles)
        c2w[:, :3, 3] = channels[:, :3] @ self.matrix
        return c2w, np.exp(channels[:, 6])

    def turned(self, rotations: np.ndarray) -> np.ndarray:
        """(T, 3): yaw, pitch, roll relative to frame 0 of cameras (T, 3, 3) in its axes."""
        return angles_of_rotation(self.matrix @ rotations) - self.angles


UPRIGHT = Level()
