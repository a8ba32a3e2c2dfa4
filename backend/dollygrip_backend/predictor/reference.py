"""The reference view: what a trajectory needs of it to start from it, at the right scale."""

import hashlib
import math
from functools import cached_property

import attrs
import numpy as np

from dollygrip.trajectory import Trajectory
from dollygrip_backend.predictor.clearance import visible_points
from dollygrip_backend.predictor.level import SKY, UPRIGHT, Level
from dollygrip_backend.predictor.settling import Context
from dollygrip_backend.scene.median import median_depth

DEFAULT_VIEW = 50.0
MODEL_NAME = "dollygrip-camera"
_UNIT_LIMITS = 0.1, 4.0


@attrs.frozen(eq=False)
class Reference:
    """image: uint8 (H, W, 3); depth: (H, W) along +Z or None; scene_depth: the trajectory's own, in the same unit;
    view_degrees: horizontal field of view; points: (N, 3) of the visible surfaces, in scene depths; subject_depth:
    that of a given subject where it is known better than from `depth`; centre: (x, y) of the optical axis, as fractions
    of the image; level: how the camera stands to the vertical."""

    image: np.ndarray
    depth: np.ndarray | None
    scene_depth: float
    view_degrees: float
    points: np.ndarray
    subject_depth: float | None = None
    centre: tuple[float, float] = (0.5, 0.5)
    level: Level = UPRIGHT

    @classmethod
    def of(
        cls, image, view_degrees=None, scene_depth=None, depth=None, subject_depth=None, centre=(0.5, 0.5), up=SKY
    ) -> "Reference":
        """From checked inputs, with the defaults of `CameraPipeline`."""
        if scene_depth is None:
            scene_depth = 1.0 if depth is None else median_depth(depth)
            scene_depth = scene_depth if math.isfinite(scene_depth) else 1.0
        view_degrees = view_degrees or DEFAULT_VIEW
        points = np.zeros((0, 3)) if depth is None else visible_points(depth, view_degrees, centre) / scene_depth
        return cls(image, depth, scene_depth, view_degrees, points, subject_depth, centre, Level.of(up))

    @cached_property
    def sha256(self) -> str:
        """Of the image's bytes: the identity of a reference."""
        return hashlib.sha256(np.ascontiguousarray(self.image)).hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """Of image and depth: all of the view that can be seen."""
        depth = b"" if self.depth is None else np.ascontiguousarray(self.depth)
        return f"{self.sha256} {self.image.shape} {hashlib.sha256(depth).hexdigest()}"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the image."""
        return self.image.shape[1], self.image.shape[0]

    def unit(self, subject: tuple[float, float] | None) -> float:
        """Distance of the subject over scene_depth.

        A predicted position is in units of the subject's distance, so an orbit has the right radius and a push-in
        covers the same part of the way, near or far. Without a subject it is what lies in the picture's middle.
        """
        if subject is not None and self.subject_depth is not None:
            return self.subject_depth / self.scene_depth
        if self.depth is None:
            return 1.0
        return self._unit(central_depth(self.depth) if subject is None else depth_at(self.depth, subject))

    def point(self, subject: tuple[float, float], unit: float) -> tuple[float, float, float]:
        """Right, down and forward from the camera, in the unit of scene_depth, to a subject at (x, y) of the picture
        that is `unit` scene depths away."""
        forward = unit * self.scene_depth
        across = 2 * math.tan(math.radians(self.view_degrees) / 2) * forward
        x, y = (place - axis for place, axis in zip(subject, self.centre, strict=True))
        return x * across, y * across * self.size[1] / self.size[0], forward

    def likely_unit(self, likely: np.ndarray) -> float:
        """As `unit`, of a subject of which it is known how likely each part of the picture shows it, float (h, w): the
        median of its distance. On pictures that a network was not trained on, its likelihoods lie about the thing
        oftener than its likeliest place is on it.
        """
        if self.depth is None:
            return 1.0
        rows, columns = (
            ((np.arange(count) + 0.5) * side / count).astype(int)
            for count, side in zip(likely.shape, self.depth.shape, strict=True)
        )
        depth = self.depth[np.ix_(rows, columns)].ravel()
        order = np.argsort(depth)[: np.isfinite(depth).sum()]  # no sky
        below = np.cumsum(likely.ravel()[order])
        return self._unit(depth[order][np.searchsorted(below, below[-1] / 2)]) if len(order) else 1.0

    def _unit(self, distance: float) -> float:
        unit = distance / self.scene_depth
        return float(np.clip(unit, *_UNIT_LIMITS)) if np.isfinite(unit) else 1.0

    def share_of_width(self, size: tuple[int, int] | None) -> float:
        """Of the image's width, what frames of `size` (width, height) show that cover as much of it as they can."""
        width, height = size or self.size
        return min(1.0, width / height * self.size[1] / self.size[0])

    def context(
        self, subject: tuple[float, float] | None, unit: float, duration: float, strength: float, cropped: float = 1.0
    ) -> Context:
        """What a plan is drawn for: the subject, `unit` scene depths away, lies where a lens without shift shows it;
        cropped: as of `share_of_width`."""
        if subject is not None:
            subject = tuple(place - axis + 0.5 for place, axis in zip(subject, self.centre, strict=True))
        return Context(
            view_degrees=self.view_degrees,
            duration=max(duration, 0.1),
            strength=strength,
            scene_depth=self.scene_depth * unit,
            subject=subject,
            aspect=self.size[0] / self.size[1],
            cropped=cropped,
            level=self.level,
        )

    def trajectory(self, channels: np.ndarray, fps: float, size: tuple[int, int] | None, meta: dict) -> Trajectory:
        """(frames, 7) channels in scene depths -> a trajectory whose frame 0 is the identity and sees the image,
        cropped about its centre to `size`."""
        width, height = size or self.size
        # The image covers the new size: the side that fits exactly sets the scale, the other is cropped.
        scale = max(width / self.size[0], height / self.size[1])
        focal = self.size[0] / 2 / math.tan(math.radians(self.view_degrees) / 2) * scale
        c2w, ratio = self.level.poses(channels)
        c2w[:, :3, 3] *= self.scene_depth
        shift = (np.array(self.centre) - 0.5) * self.size * scale
        intrinsics = np.tile([focal, focal, width / 2 + shift[0], height / 2 + shift[1]], (len(channels), 1))
        intrinsics[:, :2] *= ratio[:, None]
        reference = {"sha256": self.sha256, "c2w": np.eye(4).tolist(), "intrinsics": intrinsics[0].tolist()}
        meta = {**meta, "model": MODEL_NAME, "reference": reference}
        return Trajectory(c2w, intrinsics, (width, height), fps, self.scene_depth, meta)


def central_depth(depth: np.ndarray) -> float:
    """Median depth of the picture's central ninth, inf for sky: what a move without a named subject turns about."""
    h, w = depth.shape
    return median_depth(depth[h // 3 : h - h // 3, w // 3 : w - w // 3])


def depth_at(depth: np.ndarray, subject: tuple[float, float]) -> float:
    """Median depth of the surfaces in a window of a twentieth of the picture about the subject, inf for only sky."""
    h, w = depth.shape
    x, y = int(subject[0] * (w - 1)), int(subject[1] * (h - 1))
    dx, dy = max(1, w // 40), max(1, h // 40)
    return median_depth(depth[max(0, y - dy) : y + dy + 1, max(0, x - dx) : x + dx + 1])
