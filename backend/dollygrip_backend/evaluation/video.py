"""How good the embedded engine's frames are, on held-out scenes where every camera's true frame is known.

    python -m dollygrip_backend.evaluation.video --data .cache/scenes/test

Two tables. Fills: each test view with the guide of view 0, its holes filled in four ways. Shots: whole camera paths
rendered by the engine, against the same engine with the classical fill alone.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import attrs
import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, pad

from dollygrip.trajectory import Trajectory
from dollygrip_backend.data.scenes import Scene, SceneDataset
from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.video import Shot
from dollygrip_backend.video.embedded import EmbeddedEngine
from dollygrip_backend.video.fill import RIM, fill_holes, grow
from dollygrip_backend.video.inpainter import InPainter

HOLE_RANGE = (0.01, 0.6)  # hole fractions whose fill says something

Fill = Callable[[Tensor, Tensor, Tensor], Tensor]


@attrs.frozen
class Score:
    """Means over test views: PSNR in dB and SSIM, in the holes and over whole frames."""

    hole_psnr: float
    hole_ssim: float
    psnr: float
    ssim: float


def psnr(a: Tensor, b: Tensor, where: Tensor | None = None) -> float:
    """Peak signal to noise ratio in dB of (h, w, 3) images in 0..255, over bool (h, w) pixels."""
    error = (a - b).square() if where is None else (a - b).square()[where]
    return float(10 * torch.log10(255**2 / error.mean().clamp_min(1e-8)))


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity (h, w) of images (h, w, 3) in 0..255, mean over channels (Wang et al. 2004, 11x11, 1.5)."""
    x = torch.arange(11.0) - 5
    window = torch.exp(-(x**2) / (2 * 1.5**2))
    window = torch.outer(window, window) / window.sum() ** 2

    def blur(image: Tensor) -> Tensor:
        return conv2d(pad(image[:, None], (5, 5, 5, 5), mode="reflect"), window[None, None])[:, 0]

    a, b = a.permute(2, 0, 1), b.permute(2, 0, 1)
    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return ((2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))).mean(0)


def extend_edges(rgb: Tensor, disparity: Tensor, hole: Tensor) -> Tensor:
    """Baseline: each hole pixel takes the mean of its known neighbours, ring by ring: edges are carried outwards."""
    image, known = rgb.permute(2, 0, 1)[None], (~hole)[None, None].float()
    box = torch.ones(1, 1, 3, 3)
    if not known.any():
        return rgb
    while not known.all():
        count = conv2d(known, box, padding=1)
        total = conv2d((image * known).transpose(0, 1), box, padding=1).transpose(0, 1)
        image = torch.where(known > 0, image, total / count.clamp_min(1))
        known = max_pool2d(known, 3, 1, 1)
    return image[0].permute(1, 2, 0)


def compare_fills(scenes: SceneDataset, painter: InPainter, seed: int = 0) -> dict[str, Score]:
    """Scores of every fill over the same views: all but view 0 of each scene, where the hole is worth filling."""
    generator = torch.Generator().manual_seed(seed)

    def painted(rgb: Tensor, disparity: Tensor, hole: Tensor) -> Tensor:
        fill, filled = fill_holes(rgb, disparity, hole)
        return painter.paint(fill, filled, hole, generator)

    fills: dict[str, Fill] = {
        "edge extension": extend_edges,
        "push-pull": lambda rgb, disparity, hole: fill_holes(rgb, torch.ones_like(disparity), hole)[0],
        "push-pull, far side first": lambda rgb, disparity, hole: fill_holes(rgb, disparity, hole)[0],
        "diffusion": painted,
    }
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in fills}
    for index in track(range(len(scenes)), "Fills"):
        for truth, rgb, disparity, hole in _views(scenes[index]):
            for name, fill in fills.items():
                rows[name].append(_score(fill(rgb, disparity, hole), truth, hole))
    return {name: Score(*np.mean(scores, 0)) for name, scores in rows.items()}


def _views(scene: Scene):
    """(truth, guide rgb, disparity, hole) of the views whose holes are worth filling."""
    cache = SceneCache.from_view(scene.rgb[0], scene.depth[0], scene.c2w[0], scene.intrinsics[0])
    for j in range(1, len(scene)):
        rgb, disparity = cache.render_tensors(scene.c2w[j], scene.intrinsics[j], scene.size)
        hole = grow(disparity < 0, RIM)
        if HOLE_RANGE[0] < float(hole.float().mean()) < HOLE_RANGE[1]:
            yield torch.from_numpy(scene.rgb[j]).float(), rgb, disparity, hole


def _score(image: Tensor, truth: Tensor, hole: Tensor) -> tuple[float, ...]:
    similarity = ssim_map(image, truth)
    return psnr(image, truth, hole), float(similarity[hole].mean()), psnr(image, truth), float(similarity.mean())


class _ClassicalPainter:
    """The engine's painter replaced by the classical fill alone."""

    def paint(self, fill: Tensor, *_) -> Tensor:
        return fill


def compare_shots(scenes: SceneDataset, painter: InPainter) -> dict[str, Score]:
    """Scores of whole shots: the engine drives each scene's own camera from its view 0 with that view's true depth.

    "In the holes" is where the cache of view 0 alone knows nothing.
    """
    engines = {"engine, classical fill": EmbeddedEngine(_ClassicalPainter()), "engine": EmbeddedEngine(painter)}
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in engines}
    for index in track(range(len(scenes)), "Shots"):
        scene = scenes[index]
        depth = float(np.median(scene.depth[0][np.isfinite(scene.depth[0])]))
        camera = Trajectory(scene.c2w, scene.intrinsics, scene.size, 24.0, depth)
        shot = Shot(scene.rgb[0], "", camera, scene.size, 0, scene.depth[0])
        cache = SceneCache.from_view(scene.rgb[0], scene.depth[0], scene.c2w[0], scene.intrinsics[0])
        holes = [
            cache.render_tensors(p, k, scene.size)[1] < 0 for p, k in zip(scene.c2w, scene.intrinsics, strict=True)
        ]
        for name, engine in engines.items():
            for truth, frame, hole in zip(scene.rgb, engine.render(shot), holes, strict=True):
                if HOLE_RANGE[0] < float(hole.float().mean()) < HOLE_RANGE[1]:
                    rows[name].append(_score(*(torch.from_numpy(x).float() for x in (frame, truth)), hole))
    return {name: Score(*np.mean(scores, 0)) for name, scores in rows.items()}


def main(
    data: Annotated[Path, typer.Option(help="Folder of held-out scenes.")],
    weights: Annotated[Path | None, typer.Option(help="Folder of the in-painter; the shipped one by default.")] = None,
) -> None:
    """Print both tables."""
    painter = InPainter.load(folder=weights) if weights else InPainter.load()
    scenes = SceneDataset(data)
    table = Table("", "holes PSNR", "holes SSIM", "frame PSNR", "frame SSIM", title=f"{len(scenes)} scenes")
    for name, score in {**compare_fills(scenes, painter), **compare_shots(scenes, painter)}.items():
        table.add_row(
            name, *(f"{value:.{digits}f}" for value, digits in zip(attrs.astuple(score), (2, 3, 2, 3), strict=True))
        )
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
