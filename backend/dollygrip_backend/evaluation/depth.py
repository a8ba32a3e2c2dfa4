"""Scores of single-image depth on scenes that were not trained on.

python -m dollygrip_backend.evaluation.depth .cache/scenes/test
"""

from pathlib import Path

import attrs
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from dollygrip_backend.data.scenes import SceneDataset
from dollygrip_backend.scene.depth import DepthEstimator


@attrs.frozen
class DepthScores:
    """Means over views, the sky left out. Each estimate is first scaled by the median of truth / estimate.

    absrel: |estimate - truth| / truth; delta1: share of pixels within a factor of 1.25; metric_absrel: absrel without
    the scaling; sky_iou: overlap of the sky's pixels over the views that show some; view_error: degrees;
    constant_absrel: the absrel of a constant depth, to compare with.
    """

    views: int
    absrel: float
    delta1: float
    metric_absrel: float
    sky_iou: float
    view_error: float
    constant_absrel: float


def absolute_relative(estimate: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """(AbsRel, delta1) of positive finite depths of one view after the best scale in the median's sense."""
    scaled = estimate * np.median(truth / estimate)
    ratio = np.maximum(scaled / truth, truth / scaled)
    return float(np.mean(np.abs(scaled - truth) / truth)), float(np.mean(ratio < 1.25))


def evaluate_depth(data: Path, estimator: DepthEstimator, views: int = 2) -> DepthScores:
    """Scores on `views` views of each scene in `data`, spread over its path, the reference first."""
    dataset, rows, overlaps = SceneDataset(data), [], []
    for index in range(len(dataset)):
        scene = dataset[index]
        view = np.degrees(2 * np.arctan(scene.size[0] / 2 / scene.intrinsics[:, 0]))
        for v in np.linspace(0, len(scene) - 1, views).round().astype(int):
            estimate, truth = estimator.estimate(scene.rgb[v]), scene.depth[v]
            seen = np.isfinite(truth)
            if seen.mean() < 0.05:
                continue
            found, true = estimate.depth[seen], truth[seen]
            metric = float(np.mean(np.abs(found - true) / true))
            constant = absolute_relative(np.ones_like(true), true)[0]
            rows.append((*absolute_relative(found, true), metric, abs(estimate.view_degrees - view[v]), constant))
            if (~seen).mean() > 0.01:
                sky = estimate.depth > 0.99 * estimate.depth.max()
                overlaps.append((sky & ~seen).sum() / (sky | ~seen).sum())
    absrel, delta1, metric, view_error, constant = np.mean(rows, 0)
    sky_iou = float(np.mean(overlaps)) if overlaps else float("nan")
    return DepthScores(len(rows), absrel, delta1, metric, sky_iou, view_error, constant)


def main(data: Path) -> None:
    """Print the shipped network's scores on the scenes in DATA."""
    table = Table("score", "value")
    for name, value in attrs.asdict(evaluate_depth(data, DepthEstimator.load())).items():
        table.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
