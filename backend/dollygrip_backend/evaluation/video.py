"""How good the embedded engine's frames are, on held-out scenes where every camera's true frame is known.

    dollygrip evaluate video --data .cache/scenes/test --out evaluation

Fills: each view with the cache of view 0, its holes filled in several ways by the engine's own path (`video.guide`).
Shots: each scene's own camera, rendered by the engine. Then what needs no true frame: `evaluation.steadiness`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from dollygrip.errors import InputError
from dollygrip.trajectory import Trajectory
from dollygrip_backend.data.scenes import Scene, SceneDataset
from dollygrip_backend.evaluation.pictures import extend_edges, psnr, ssim, telea
from dollygrip_backend.evaluation.steadiness import Steadiness, steadiness
from dollygrip_backend.evaluation.video_page import Example, page
from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.scene.median import median_depth
from dollygrip_backend.video import Shot
from dollygrip_backend.video.embedded import EmbeddedEngine
from dollygrip_backend.video.guide import FilledGuide, to_image
from dollygrip_backend.video.inpainter import InPainter
from dollygrip_backend.video.reference import Reference

HOLE_RANGE = (0.01, 0.6)  # shares of holes in a frame whose fill says something

Fill = Callable[[FilledGuide, Reference], Tensor]


@attrs.frozen
class Score:
    """Means over frames: PSNR in dB and SSIM, in the holes that are seen and over whole frames."""

    hole_psnr: float
    hole_ssim: float
    psnr: float
    ssim: float


@attrs.frozen(eq=False)
class Report:
    """fills and shots: scores by name. first_frame: PSNR of frame 0 against the reference, by scene."""

    scenes: int
    fills: dict[str, Score]
    shots: dict[str, Score]
    first_frame: list[float]
    steadiness: Steadiness
    examples: list[Example]


def fills_of(engine: EmbeddedEngine) -> dict[str, Fill]:
    """The ways to fill a guide's holes (h, w, 3), by name; the second argument is the reference."""
    fills: dict[str, Fill] = {
        "edge extension": lambda guide, _: extend_edges(guide.rgb, guide.hole),
        "Telea (OpenCV)": lambda guide, _: telea(guide.rgb, guide.hole),
        "classical fill": lambda guide, _: guide.rgb,
    }
    if engine.painter:
        fills["in-painter"] = engine.painter.paint
    return fills


def compare_fills(scenes: SceneDataset, fills: dict[str, Fill]) -> tuple[dict[str, Score], list[Example]]:
    """Scores of every fill over the same views: all but view 0 of each scene, where the hole is worth filling.

    And, of each scene, the view with the largest hole.
    """
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in fills}
    examples = []
    for index in track(range(len(scenes)), "Fills"):
        scene, largest = scenes[index], 0.0
        reference = Reference(scene.rgb[0], None, scene.depth[0], scene.c2w[0], scene.intrinsics[0])
        for truth, guide, hole in guides(scene):
            frames = {name: guide.frame(fill(guide, reference)) for name, fill in fills.items()}
            for name, frame in frames.items():
                rows[name].append(_score(frame, truth, hole))
            share = float(hole.float().mean())
            if share > largest:
                example, largest = _example(scene, truth, guide, hole, frames), share
        if largest:
            examples.append(example)
    return _means(rows), examples


def guides(scene: Scene) -> Iterator[tuple[Tensor, FilledGuide, Tensor]]:
    """Of the views whose holes are worth filling: truth (h, w, 3), the guide that view 0 gives, the holes seen."""
    cache = _cache(scene)
    for j in range(1, len(scene)):
        guide = FilledGuide.seen(cache, (scene.c2w[j], scene.intrinsics[j]), scene.size)
        hole = guide.uncovered()
        if HOLE_RANGE[0] < float(hole.float().mean()) < HOLE_RANGE[1]:
            yield torch.from_numpy(scene.rgb[j]).float(), guide, hole


def _cache(scene: Scene) -> SceneCache:
    return SceneCache.from_view(scene.rgb[0], scene.depth[0], scene.c2w[0], scene.intrinsics[0])


def _means(rows: dict[str, list[tuple[float, ...]]]) -> dict[str, Score]:
    if not all(rows.values()):
        raise InputError("No view of these scenes shows much that view 0 does not.", "Take other scenes.")
    return {name: Score(*np.mean(scores, 0).tolist()) for name, scores in rows.items()}


def _score(image: Tensor, truth: Tensor, hole: Tensor) -> tuple[float, ...]:
    return psnr(image, truth, hole), ssim(image, truth, hole), psnr(image, truth), ssim(image, truth)


def _example(scene: Scene, truth: Tensor, guide: FilledGuide, hole: Tensor, frames: dict[str, Tensor]) -> Example:
    seen = torch.where(hole[..., None], torch.tensor([255.0, 0, 255]), guide.frame())
    pictures = {"reference": torch.from_numpy(scene.rgb[0]).float(), "known": seen, **frames, "true": truth}
    figures = {name: psnr(frame, truth, hole) for name, frame in frames.items()}
    return Example(scene.name, {name: to_image(p) for name, p in pictures.items()}, figures)


def compare_shots(scenes: SceneDataset, engines: dict[str, EmbeddedEngine]) -> tuple[dict[str, Score], list[float]]:
    """Scores of whole shots: each engine drives each scene's own camera from its view 0 with that view's true depth.

    "In the holes" is where the cache of view 0 alone knows nothing. And the last engine's PSNR of frame 0 against the
    reference, by scene.
    """
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in engines}
    first = []
    for index in track(range(len(scenes)), "Shots"):
        scene = scenes[index]
        depth = median_depth(scene.depth[0])
        camera = Trajectory(scene.c2w, scene.intrinsics, scene.size, 24.0, depth)
        shot = Shot(scene.rgb[0], "", camera, scene.size, 0, scene.depth[0])
        cache = _cache(scene)
        holes = [
            FilledGuide.seen(cache, view, scene.size).uncovered()
            for view in zip(scene.c2w, scene.intrinsics, strict=True)
        ]
        for name, engine in engines.items():
            frames = [torch.from_numpy(frame).float() for frame in engine.render(shot)]
            for truth, frame, hole in zip(torch.from_numpy(scene.rgb).float(), frames, holes, strict=True):
                if HOLE_RANGE[0] < float(hole.float().mean()) < HOLE_RANGE[1]:
                    rows[name].append(_score(frame, truth, hole))
        first.append(psnr(frames[0], torch.from_numpy(scene.rgb[0]).float()))
    return _means(rows), first


def evaluate_video(data: Path, out: Path, weights: Path | None = None) -> Report:
    """Evaluate the engine on a folder of held-out scenes; writes `out`/report.html and report.json, prints tables.

    weights: a folder of an in-painter's, as `dollygrip train embedded` writes it; by default the engine is as it ships.
    Raises InputError where there are no scenes.
    """
    scenes = SceneDataset(data)
    engine = EmbeddedEngine(painter=InPainter.load(weights)) if weights else EmbeddedEngine.load()
    engines = {"engine, classical fill": EmbeddedEngine()} if engine.painter else {}
    fills, examples = compare_fills(scenes, fills_of(engine))
    shots, first = compare_shots(scenes, {**engines, "engine": engine})
    report = Report(len(scenes), fills, shots, first, steadiness(scenes, engine), examples)
    out.mkdir(parents=True, exist_ok=True)
    figures = attrs.asdict(report, filter=lambda field, _: field.name not in ("examples", "pictures"))
    (out / "report.json").write_text(json.dumps(figures, indent=1), "utf-8")
    for line in lines(report):
        print(line)
    (out / "report.html").write_text(page(lines(report), report.examples, report.steadiness, out), "utf-8")
    print(str(out / "report.html"))
    return report


def lines(report: Report) -> list[str]:
    """The report as lines of text, tables first."""
    rows = [f"{f'{report.scenes} scenes':28s} holes PSNR  SSIM   frame PSNR  SSIM"]
    for name, score in {**report.fills, **report.shots}.items():
        rows.append(f"{name:28s} {score.hole_psnr:10.2f} {score.hole_ssim:6.3f} {score.psnr:10.2f} {score.ssim:6.3f}")
    first = report.first_frame
    rows.append(f"frame 0 against the reference: PSNR {np.median(first):.1f} dB, at least {min(first):.1f}")
    return rows + report.steadiness.lines()
