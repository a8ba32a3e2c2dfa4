"""The weights in the repository on scenes they never saw, against what needs no network at all."""

from pathlib import Path

import numpy as np
import pytest

from dollygrip_backend.data.scenes import SceneDataset
from dollygrip_backend.evaluation.depth import absolute_relative, evaluate_depth
from dollygrip_backend.scene.depth import WEIGHTS, DepthEstimator

SCENES = Path(__file__).parents[2] / "data" / "scenes"


@pytest.fixture(scope="module")
def estimator() -> DepthEstimator:
    return DepthEstimator.load()


def test_the_shipped_network_beats_a_constant_and_a_ground_plane(estimator):
    _, scores = evaluate_depth(SCENES, estimator, views=1)["all"]
    planes = []
    for scene in SceneDataset(SCENES):
        row = np.arange(scene.size[1])[:, None] + 0.5
        # The best that rows alone can know: a floor whose horizon is at the middle, cut at 20 times the nearest.
        plane = np.broadcast_to(1 / np.maximum(row / scene.size[1] - 0.5, 0.025), scene.depth.shape[1:])
        seen = np.isfinite(scene.depth[0])
        planes.append(absolute_relative(plane[seen], scene.depth[0][seen])[0])
    assert scores.absrel < 0.75 * scores.constant_absrel
    assert scores.absrel < 0.75 * np.mean(planes)


def test_the_weights_are_small_and_say_where_they_come_from():
    assert sum(f.stat().st_size for f in WEIGHTS.iterdir()) < 20e6
    card = (WEIGHTS / "MODEL_CARD.md").read_text()
    assert all(word in card for word in ("seed", "AbsRel", "dollygrip train depth"))
