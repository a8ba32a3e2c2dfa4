"""The embedded engine: the reference as a 3D cache, moved along the camera, its holes filled once and remembered.

First the poses that see most of the unknown are found and filled, each one on top of what was filled before, and
written back into the cache with depth. Then every frame is rendered from the grown cache, so what was filled once is
seen again from every pose and does not flicker. Where the cache is certain a frame is exactly the cache's view, but for
outlines, which become smooth.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.video.engine import EngineInfo, Progress, Shot, check_shot, sees_same
from dollygrip_backend.video.fill import grow
from dollygrip_backend.video.guide import FilledGuide, View, to_image
from dollygrip_backend.video.inpainter import InPainter
from dollygrip_backend.video.reference import Reference, prepare_reference
from dollygrip_backend.video.registry import engine_info

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

    def __init__(self, device: str = "cpu", painter: InPainter | None = None):
        """painter: what paints over the classical fill of the holes; without one the fill is what is seen."""
        self.device = device
        self.painter = painter

    @classmethod
    def load(cls, device: str = "cpu") -> "EmbeddedEngine":
        """The engine on a torch device, with the in-painter that ships."""
        return cls(device, InPainter.load(device=device))

    def render(
        self, shot: Shot, progress: Progress | None = None, finished: Sequence[np.ndarray] = ()
    ) -> Iterator[np.ndarray]:
        """See VideoEngine.render. Raises InputError, before the first frame is asked for, if the shot is illegal."""
        check_shot(shot, self.info)
        return self._frames(shot, progress or (lambda done, total: None), len(finished))

    def _frames(self, shot: Shot, progress: Progress, first: int) -> Iterator[np.ndarray]:
        """The frames from number `first` on. The cache grows as it did for those before: they show only parts of it."""
        total = len(shot.trajectory)
        progress(first, total)
        trajectory = shot.trajectory.resized(shot.size)
        views = list(zip(trajectory.c2w, trajectory.intrinsics, strict=True))
        reference = prepare_reference(shot, self.device)
        scene = _Scene.start(reference, shot.size, self.device)

        def known(t: int) -> Tensor | None:
            # The reference's own view needs no help: there the guide is the picture itself.
            if shot.depths is None or sees_same(views[t], reference.view):
                return None
            return torch.from_numpy(1.0 / shot.depths[t].astype(np.float32)).to(self.device)

        for t in range(total):
            if t % WINDOW == 0:
                window = range(t, min(t + WINDOW, total))
                scene.forget_unseen(trajectory.c2w[t:], trajectory.intrinsics[t:])
                paint = partial(self._painted, reference, shot.seed)
                self._grow(scene, views, known, window, paint, partial(progress, max(t, first), total))
            if t < first:
                continue
            yield to_image(FilledGuide.seen(scene.cache, views[t], shot.size, known(t)).frame())
            progress(t + 1, total)

    def _painted(self, reference: Reference, seed: int, guide: FilledGuide) -> Tensor:
        return self.painter.paint(guide, reference, seed) if self.painter else guide.rgb

    def _grow(
        self,
        scene: "_Scene",
        views: list[View],
        known: Callable[[int], Tensor | None],
        window: range,
        paint: Callable[[FilledGuide], Tensor],
        tick: Callable[[], None],
    ) -> None:
        """Paint what a window of frames will see of the unknown, pose by pose, into the scene's cache."""
        probes = window[0] + np.unique(np.linspace(0, len(window) - 1, PROBES).round().astype(int))
        area = np.ones(len(probes))
        for _ in range(MAX_KEYS):
            tick()
            for number in np.flatnonzero(area >= ENOUGH):  # what is filled stays so
                area[number] = scene.hole(views[probes[number]], known(probes[number]))
            if area.max() < ENOUGH:
                return
            key = next_key(area)
            area[key] = 0.0
            view, geometry = views[probes[key]], known(probes[key])
            guide = FilledGuide.seen(scene.cache, view, scene.size, geometry)
            kept = joined(guide.hole, guide.disparity).cpu().numpy()
            scene.add(to_image(paint(guide)), (1.0 / guide.disparity).cpu().numpy(), *view, kept)


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
        """Remember a view of the full size, or larger, in both caches."""
        self.cache.add_view(rgb, depth, c2w, intrinsics, mask, detail)
        rows, columns = self._rows_and_columns(depth.shape)
        at = np.ix_(rows, columns)
        ratio = np.array([len(columns), len(rows)]) / depth.shape[::-1]
        small_mask = None if mask is None else mask[at]
        self.probe.add_view(rgb[at], depth[at], c2w, intrinsics * np.tile(ratio, 2), small_mask)

    def forget_unseen(self, c2w: np.ndarray, intrinsics: np.ndarray) -> None:
        """See SceneCache.forget_unseen."""
        self.cache.forget_unseen(c2w, intrinsics, self.size)
        self.probe.forget_unseen(c2w, self._small(intrinsics), self.probe_size)

    def hole(self, view: View, known: Tensor | None) -> float:
        """The share of a view that nothing is known of."""
        if known is not None:
            rows, columns = (torch.from_numpy(index).to(known.device) for index in self._rows_and_columns(known.shape))
            known = known[rows][:, columns]
        _, disparity = self.probe.render_base(view[0], self._small(view[1]), self.probe_size, known)
        return float((disparity < 0).float().mean())

    def _rows_and_columns(self, shape: tuple[int, int]) -> list[np.ndarray]:
        """Of the pixels (h, w) at full scale that stand for those at the small one."""
        counts = [
            round(side * small / full)
            for side, small, full in zip(shape, self.probe_size[::-1], self.size[::-1], strict=True)
        ]
        return [
            ((np.arange(count) + 0.5) * side / count).astype(int) for count, side in zip(counts, shape, strict=True)
        ]

    def _small(self, intrinsics: np.ndarray) -> np.ndarray:
        ratio = np.array(self.probe_size) / np.array(self.size)
        return intrinsics * np.tile(ratio, 2)


def next_key(area: np.ndarray) -> int:
    """Which of the views, whose holes have these areas, to fill next.

    The one with the largest hole; but what is far off the known is reached in steps: if poses before it already see
    much of the unknown, the first of those.
    """
    return int(np.argmax(area > STEP_HOLE)) if area.max() > STEP_HOLE else int(area.argmax())


def joined(hole: Tensor, disparity: Tensor) -> Tensor:
    """bool (h, w): a hole with the pixels around it whose surface it continues, not those of what hid it."""
    farthest = -max_pool2d(-disparity[None, None], 2 * OVERLAP + 1, 1, OVERLAP)[0, 0]
    return hole | (grow(hole, OVERLAP) & (disparity <= farthest * SAME))
