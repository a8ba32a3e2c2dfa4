"""Scores of single-image depth on scenes that were not trained on.

dollygrip evaluate depth --data .cache/scenes/test --out report
"""

from collections.abc import Iterator
from pathlib import Path

import attrs
import matplotlib
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from dollygrip.errors import InputError
from dollygrip_backend.data.scenes import Scene, SceneDataset
from dollygrip_backend.files import read_image
from dollygrip_backend.scene.depth import FARTHEST, DepthEstimate
from dollygrip_backend.scene.estimators import Estimator, load_estimator
from dollygrip_backend.scene.median import median_depth

_PICTURES = (".jpg", ".jpeg", ".png", ".webp")
_HEIGHT = 288  # of the pictures in a report


@attrs.frozen
class DepthScores:
    """One view, the sky left out; or means over views. The estimate is first scaled so that its median is the truth's.
    A surface that is taken for sky counts as if it were estimated at 20 median depths.

    absrel: |estimate - truth| / truth; delta1: share of pixels within a factor of 1.25; metric_absrel: absrel without
    the scaling; sky_iou: overlap of the sky's pixels, nan where there is hardly any; view_error: of the horizontal
    field of view, degrees; constant_absrel, constant_delta1: those of the same depth everywhere, to compare with.
    """

    absrel: float
    delta1: float
    constant_absrel: float
    constant_delta1: float
    metric_absrel: float
    sky_iou: float
    view_error: float


@attrs.frozen(eq=False)
class _View:
    kind: str
    scores: DepthScores
    rgb: np.ndarray
    truth: np.ndarray
    estimate: np.ndarray


def absolute_relative(estimate: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """(AbsRel, delta1) of positive finite depths of one view, scaled by median(truth) / median(estimate)."""
    scaled = estimate * (np.median(truth) / np.median(estimate))
    ratio = np.maximum(scaled / truth, truth / scaled)
    return float(np.mean(np.abs(scaled - truth) / truth)), float(np.mean(ratio < 1.25))


def evaluate_depth(data: Path, estimator: Estimator, views: int = 2) -> dict[str, tuple[int, DepthScores]]:
    """(views, mean scores) on `views` views of each scene in `data`, by kind of scene, and of "all"."""
    return _means(list(_judged(data, estimator, views)))


def _judged(data: Path, estimator, views: int) -> Iterator[_View]:
    """Views spread over the path of each scene, the reference first; not those that are nearly all sky."""
    dataset = SceneDataset(data)
    for index in range(len(dataset)):
        scene = dataset[index]
        for v in np.linspace(0, len(scene) - 1, min(views, len(scene))).round().astype(int):
            if np.isfinite(scene.depth[v]).mean() >= 0.05:
                estimate = estimator.estimate(scene.rgb[v])
                yield _View(scene.kind, _scores(scene, v, estimate), scene.rgb[v], scene.depth[v], estimate.depth)


def _scores(scene: Scene, v: int, estimate: DepthEstimate) -> DepthScores:
    truth, found = scene.depth[v], estimate.depth
    seen = np.isfinite(truth)
    sky, found = ~np.isfinite(found), np.minimum(found, FARTHEST * median_depth(found))
    overlap = float((sky & ~seen).sum() / (sky | ~seen).sum()) if (~seen).mean() > 0.01 else float("nan")
    view = np.degrees(2 * np.arctan(scene.size[0] / 2 / scene.intrinsics[v, 0]))
    return DepthScores(
        *absolute_relative(found[seen], truth[seen]),
        *absolute_relative(np.ones(seen.sum()), truth[seen]),
        float(np.mean(np.abs(found - truth)[seen] / truth[seen])),
        overlap,
        abs(estimate.view_degrees - view),
    )


def _means(judged: list[_View]) -> dict[str, tuple[int, DepthScores]]:
    if not judged:
        raise InputError("Every view is nearly all sky; there is nothing to measure.", "Take other scenes.")
    groups = {kind: [v for v in judged if v.kind == kind] for kind in sorted({v.kind for v in judged})}
    means = {}
    for name, group in {**groups, "all": judged}.items():
        columns = zip(*(attrs.astuple(v.scores) for v in group), strict=True)
        means[name] = len(group), DepthScores(*(_mean(np.array(c)) for c in columns))
    return means


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def coloured(depth: np.ndarray) -> np.ndarray:
    """(H, W) depth, inf for sky -> uint8 (H, W, 3): near red, far blue by the logarithm, the sky white."""
    sky = ~np.isfinite(depth)
    log = np.log(np.where(sky, np.nan, depth))
    low, high = np.nanquantile(log, (0.01, 0.99)) if not sky.all() else (0.0, 1.0)
    shade = 1 - np.clip((np.where(sky, high, log) - low) / max(high - low, 1e-6), 0, 1)
    rgb = (matplotlib.colormaps["turbo"](shade)[..., :3] * 255).astype(np.uint8)
    rgb[sky] = 255
    return rgb


def _beside(*pictures: np.ndarray) -> Image.Image:
    """Pictures of one size in a row, scaled to the report's height."""
    row = Image.fromarray(np.concatenate(pictures, 1))
    return row.resize((round(row.width * _HEIGHT / row.height), _HEIGHT))


def _draw(judged: list[_View], images: Path | None, estimator, out: Path) -> None:
    """out/NUMBER_KIND.png: picture, truth, estimate of each view; out/NAME.png: picture, estimate of each image."""
    out.mkdir(parents=True, exist_ok=True)
    for number, view in enumerate(judged):
        row = _beside(view.rgb, coloured(view.truth), coloured(view.estimate))
        row.save(out / f"{number:03}_{view.kind or 'scene'}_{view.scores.absrel:.2f}.png")
    for path in sorted(images.iterdir()) if images else ():
        if path.suffix.lower() in _PICTURES:
            rgb = read_image(path)
            _beside(rgb, coloured(estimator.estimate(rgb).depth)).save(out / f"{path.stem}.png")


def main(
    data: Path, out: Path | None = None, images: Path | None = None, model: str | None = None, views: int = 2
) -> None:
    """Print the scores on the scenes in `data`; draw them, and the depth of the files in `images`, into `out`.

    model: as for `load_estimator`; the embedded network by default.
    """
    if images is not None and out is None:
        raise InputError("Pictures of images need a folder.", "Name it with --out.")
    estimator = load_estimator(model=model or "embedded")
    judged = list(_judged(data, estimator, views))
    table = Table("scenes", "views", "AbsRel", "delta1", "metric", "sky", "view")
    for name, (count, s) in _means(judged).items():
        beside = f"{s.absrel:.3f} ({s.constant_absrel:.3f})", f"{s.delta1:.3f} ({s.constant_delta1:.3f})"
        rest = f"{s.metric_absrel:.3f}", f"{s.sky_iou:.3f}", f"{s.view_error:.1f}°"
        table.add_row(name or "unknown", str(count), *beside, *rest)
    Console().print(table)
    Console().print("In brackets: a constant depth. metric: AbsRel without scaling. sky: overlap. view: mean error.")
    if out is not None:
        _draw(judged, images, estimator, out)
