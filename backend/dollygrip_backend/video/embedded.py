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
from torch.nn.functional import max_pool2d

from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.video.engine import EngineInfo, Progress, Shot, check_shot, sees_same
from dollygrip_backend.video.fill import fill_along, fill_holes, grow
from dollygrip_backend.video.inpainter import InPainter
from dollygrip_backend.video.reference import Reference, prepare_reference
from dollygrip_backend.video.registry import engine_info

View = tuple[np.ndarray, np.ndarray]
"""c2w (4, 4) and intrinsics (4,)."""

PROBE_SIDE = 96  # pixels of the longer side when only the holes' area is asked for
PROBES = 33  # poses looked at per window
WINDOW = 96  # frames whose holes are filled together
MAX_KEYS = 8  # poses filled per window
STEP_HOLE = 0.3  # a pose with more unknown than this is only filled after a pose before it
OVERLAP = 2  # pixels of the known that are remembered with what was filled, so that no gap opens between the two
SAME = 1.1  # ratio of disparities up to which two pixels beside each other count as one surface
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
        views = list(zip(trajectory.c2w, trajectory.intrinsics, strict=True))
        reference = prepare_reference(shot, self.device)
        scene = _Scene.start(reference, shot.size, self.device)
        generator = torch.Generator().manual_seed(shot.seed)

        def known(t: int) -> Tensor | None:
            # The reference's own view needs no help: there the guide is the picture itself.
            if shot.depths is None or sees_same(views[t], (reference.c2w, reference.intrinsics)):
                return None
            return torch.from_numpy(1.0 / shot.depths[t].astype(np.float32)).to(self.device)

        for t in range(total):
            if t % WINDOW == 0:
                window = range(t, min(t + WINDOW, total))
                self._grow(scene, views, known, window, generator, partial(progress, t, total))
            geometry = known(t)
            rgb, disparity = scene.cache.render_base(*views[t], shot.size, geometry)
            filled, disparity = _filled(rgb, disparity, geometry)
            yield to_image(scene.cache.lay_fringes(filled, disparity, *views[t], geometry)[0])
            progress(t + 1, total)

    def _grow(
        self,
        scene: "_Scene",
        views: list[View],
        known: Callable[[int], Tensor | None],
        window: range,
        generator: torch.Generator,
        tick: Callable[[], None],
    ) -> None:
        """Paint what a window of frames will see of the unknown, pose by pose, into the scene's cache."""
        probes = window[0] + np.unique(np.linspace(0, len(window) - 1, PROBES).round().astype(int))
        for _ in range(MAX_KEYS):
            tick()
            key = scene.next_key([(*views[t], known(t)) for t in probes])
            if key is None:
                return
            view, geometry = views[probes[key]], known(probes[key])
            rgb, disparity = scene.cache.render_base(*view, scene.size, geometry)
            hole = disparity < 0
            filled, depth = _filled(rgb, disparity, geometry)
            depth = scene.cache.push_behind(depth, hole, *view) if geometry is None else geometry
            painted = self.painter.paint(filled, depth, hole, generator, tick)
            kept = joined(hole, depth).cpu().numpy()
            scene.add(to_image(painted), (1.0 / depth).cpu().numpy(), *view, kept)


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
        at = np.ix_(*self._rows_and_columns())
        small_mask = None if mask is None else mask[at]
        self.probe.add_view(rgb[at], depth[at], c2w, self._small(intrinsics), small_mask)

    def next_key(self, views: list[tuple[np.ndarray, np.ndarray, Tensor | None]]) -> int | None:
        """Which of the views (c2w, intrinsics, known disparity or None) to fill next, None if none needs it.

        The one with the largest hole; but what is far off the known is reached in steps: if poses before it already
        see much of the unknown, the first of those.
        """
        area = np.array([self._hole(*view) for view in views])
        if area.max() < ENOUGH:
            return None
        return int(np.argmax(area > STEP_HOLE)) if area.max() > STEP_HOLE else int(area.argmax())

    def _hole(self, c2w: np.ndarray, intrinsics: np.ndarray, known: Tensor | None) -> float:
        if known is not None:
            rows, columns = (torch.from_numpy(index).to(known.device) for index in self._rows_and_columns())
            known = known[rows][:, columns]
        _, disparity = self.probe.render_base(c2w, self._small(intrinsics), self.probe_size, known)
        return float((disparity < 0).float().mean())

    def _rows_and_columns(self) -> list[np.ndarray]:
        """Of the pixels at full size that stand for those at the small one."""
        return [
            ((np.arange(small) + 0.5) * full / small).astype(int)
            for small, full in zip(self.probe_size[::-1], self.size[::-1], strict=True)
        ]

    def _small(self, intrinsics: np.ndarray) -> np.ndarray:
        ratio = np.array(self.probe_size) / np.array(self.size)
        return intrinsics * np.tile(ratio, 2)


def _filled(rgb: Tensor, disparity: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor]:
    """Colours (h, w, 3) and disparity (h, w) without holes, the latter being `known` where it is."""
    hole = disparity < 0
    return fill_holes(rgb, disparity, hole) if known is None else (fill_along(rgb, known, hole), known)


def joined(hole: Tensor, disparity: Tensor) -> Tensor:
    """bool (h, w): a hole with the pixels around it whose surface it continues, not those of what hid it."""
    farthest = -max_pool2d(-disparity[None, None], 2 * OVERLAP + 1, 1, OVERLAP)[0, 0]
    return hole | (grow(hole, OVERLAP) & (disparity <= farthest * SAME))


def to_image(rgb: Tensor) -> np.ndarray:
    """float (h, w, 3) in 0..255 on any device -> uint8, rounded."""
    return (rgb.clamp(0, 255) + 0.5).to(torch.uint8).cpu().numpy()
