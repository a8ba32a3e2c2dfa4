"""The camera that a video shows, held against the one that was asked for: what achieved.json beside its frames says.

{"format": "dollygrip-achieved", "version": 1, "rot_err": 0.02, "trans_err": 0.3, "cam_mc": 0.3, "scale": 1.0,
 "moves": true, "frames": [{"rotation_degrees": 0.0, "position": 0.0, "c2w": [[1, 0, 0, 0], "…"]}, null, "…"]}
"""

import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from dollygrip.whole import whole

FILE = "achieved.json"


@attrs.frozen(eq=False)
class AchievedCamera:
    """A recovered camera and its errors.

    rot_err, trans_err, cam_mc: sums over all frames, in radians, shares of the move, and both, as the papers on
    camera-controlled video define them; scale: the fitted factor from the recovered unit to the requested camera's;
    moves: whether a translation could be seen.
    c2w: (T, 4, 4) in the requested camera's world and unit, laid on it at the first frame that was found; rotation:
    (T,) errors in degrees; position: (T,) errors as shares of the move. All three are NaN for frames that were not
    found.
    """

    rot_err: float
    trans_err: float
    cam_mc: float
    scale: float
    moves: bool
    c2w: np.ndarray
    rotation: np.ndarray
    position: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """bool (T,): the frames whose camera was recovered."""
        return np.isfinite(self.rotation)

    def lines(self) -> list[str]:
        """The figures in words, a line each."""
        found = self.found
        rotation, position = self.rotation[found], 100 * self.position[found]
        return [
            f"recovered {found.sum()} of {len(found)} frames",
            f"rotation off by {np.median(rotation):.2f} degrees (median), {rotation.max():.2f} (largest)",
            f"position off by {np.median(position):.1f} % of the move (median), {position.max():.1f} % (largest)",
            f"RotErr {self.rot_err:.3f}  TransErr {self.trans_err:.3f}  CamMC {self.cam_mc:.3f}",
        ]

    def write(self, folder: Path) -> Path:
        """Write `folder`/achieved.json, whole or not at all; returns its path."""
        path = folder / FILE
        with whole(path) as part:
            part.write_text(json.dumps(self._as_json(), indent=1, allow_nan=False), "utf-8")
        return path

    def _as_json(self) -> dict[str, Any]:
        """What the module's docstring shows; null stands for a frame that was not found."""
        frames = [
            {"rotation_degrees": float(degrees), "position": float(share), "c2w": pose.tolist()} if found else None
            for pose, degrees, share, found in zip(self.c2w, self.rotation, self.position, self.found, strict=True)
        ]
        sums = {"rot_err": self.rot_err, "trans_err": self.trans_err, "cam_mc": self.cam_mc, "scale": self.scale}
        return {"format": "dollygrip-achieved", "version": 1, **sums, "moves": self.moves, "frames": frames}
