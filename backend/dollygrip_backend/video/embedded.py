"""The embedded engine: the reference as a 3D cache, moved along the camera, its holes filled once and remembered.

First the poses that see most of the unknown are found and filled, each one on top of what was filled before, and
written back into the cache with depth. Then every frame is rendered from the grown cache, so what was filled once is
seen again from every pose and does not flicker. Where the cache is certain a frame is exactly the cache's view.
"""

from collections.abc import Callable, Iterator
from functools import partial

import attrs
import numpy as np
import torch
from torch import Tensor

from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.video.engine import EngineInfo, Progress, Shot, check_shot
from dollygrip_backend.video.fill import RIM, fill_holes, grow
from dollygrip_backend.video.inpainter import InPainter
from dollygrip_backend.video.reference import Reference, prepare_reference
from dollygrip_backend.video.registry import engine_info

PROBE_SIDE = 96  # pixels of the longer side when only the holes' area is asked for
PROBES = 33  # poses looked at per window
WINDOW = 96  # frames whose holes are filled together
MAX_KEYS = 8  # poses filled per window
STEP_HOLE = 0.3  # a pose with more unknown than this is only filled after a pose before it
ENOUGH = 0.004  # a hole fraction that the frames' own fill may deal with


class EmbeddedEngine:
    """Video on any CPU with what is in the package. The prompt is not used: nothing here reads text."""

    info: EngineInfo = engine_info("embedded")

    def __init__(self, painter: InPainter, device: str = "cpu"):
        self.painter = painter
        self.device = device

    @classmethod
    def load(cls, device: str = "cpu") -> "EmbeddedEngine":
        """The engine with the weights it ships, on a torch device."""
        return cls(InPainter.load(device), device)

    def render(self, shot: Shot, progress: Progress | None = None) -> Iterator[np.ndarray]:
        """See VideoEngine.render. Raises InputError, before the first frame is asked for, if the shot is illegal."""
        check_shot(shot, self.info)
        return self._frames(shot, progress or (lambda done, total: None))

    def _frames(self, shot: Shot, progress: Progress) -> Iterator[np.ndarray]:
        total = len(shot.trajectory)
        progress(0, total)
        trajectory = shot.trajectory.resized(shot.size)
        c2w, intrinsics = trajectory.c2w, trajectory.intrinsics
        scene = _Scene.start(prepare_reference(shot, self.device), shot.size, self.device)
        generator = torch.Generator().manual_seed(shot.seed)
        for t in range(total):
            if t % WINDOW == 0:
                window = slice(t, t + WINDOW)
                self._grow(scene, c2w[window], intrinsics[window], generator, partial(progress, t, total))
            rgb, disparity = scene.cache.render_tensors(c2w[t], intrinsics[t], shot.size)
            yield to_image(fill_holes(rgb, disparity, disparity < 0)[0])
            progress(t + 1, total)

    def _grow(
        self,
        scene: "_Scene",
        c2w: np.ndarray,
        intrinsics: np.ndarray,
        generator: torch.Generator,
        tick: Callable[[], None],
    ) -> None:
        """Paint what a window of frames will see of the unknown, pose by pose, into the scene's cache."""
        probes = np.unique(np.linspace(0, len(c2w) - 1, PROBES).round().astype(int))
        for _ in range(MAX_KEYS):
            tick()
            key = scene.next_key(c2w[probes], intrinsics[probes])
            if key is None:
                return
            pose, lens = c2w[probes[key]], intrinsics[probes[key]]
            rgb, disparity = scene.cache.render_tensors(pose, lens, scene.size)
            hole = grow(disparity < 0, RIM)
            filled, depth = fill_holes(rgb, disparity, hole)
            depth = scene.cache.push_behind(depth, hole, pose, lens)
            painted = self.painter.paint(filled, depth, hole, generator, tick)
            scene.add(to_image(painted), (1.0 / depth).cpu().numpy(), pose, lens, hole.cpu().numpy())


@attrs.frozen(eq=False)
class _Scene:
    """The cache at full size, and the same at a small size that answers where holes are, quickly."""

    cache: SceneCache
    probe: SceneCache
    size: tuple[int, int]
    probe_size: tuple[int, int]

    @staticmethod
    def start(reference: Reference, size: tuple[int, int], device: str) -> "_Scene":
        scale = min(1.0, PROBE_SIDE / max(size))
        scene = _Scene(
            SceneCache(device), SceneCache(device), size, tuple(max(8, round(side * scale)) for side in size)
        )
        scene.add(reference.rgb, reference.depth, reference.c2w, reference.intrinsics, detail=reference.detail)
        return scene

    def add(
        self,
        rgb: np.ndarray,
        depth: np.ndarray,
        c2w: np.ndarray,
        intrinsics: np.ndarray,
        mask: np.ndarray | None = None,
        detail: np.ndarray | None = None,
    ) -> None:
        """Remember a view of the full size in both caches."""
        self.cache.add_view(rgb, depth, c2w, intrinsics, mask, detail)
        rows, columns = (
            ((np.arange(small) + 0.5) * full / small).astype(int)
            for small, full in zip(self.probe_size[::-1], self.size[::-1], strict=True)
        )
        at = np.ix_(rows, columns)
        small_mask = None if mask is None else mask[at]
        self.probe.add_view(rgb[at], depth[at], c2w, self._small(intrinsics), small_mask)

    def next_key(self, c2w: np.ndarray, intrinsics: np.ndarray) -> int | None:
        """Which of the poses to fill next, None if none needs it.

        The one with the largest hole; but what is far off the known is reached in steps: if poses before it already
        see much of the unknown, the first of those.
        """
        area = np.array([self._hole(pose, lens) for pose, lens in zip(c2w, intrinsics, strict=True)])
        if area.max() < ENOUGH:
            return None
        return int(np.argmax(area > STEP_HOLE)) if area.max() > STEP_HOLE else int(area.argmax())

    def _hole(self, c2w: np.ndarray, intrinsics: np.ndarray) -> float:
        _, disparity = self.probe.render_tensors(c2w, self._small(intrinsics), self.probe_size)
        return float((disparity < 0).float().mean())

    def _small(self, intrinsics: np.ndarray) -> np.ndarray:
        ratio = np.array(self.probe_size) / np.array(self.size)
        return intrinsics * np.tile(ratio, 2)


def to_image(rgb: Tensor) -> np.ndarray:
    """float (h, w, 3) in 0..255 on any device -> uint8, rounded."""
    return (rgb.clamp(0, 255) + 0.5).to(torch.uint8).cpu().numpy()
