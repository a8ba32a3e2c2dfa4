"""The scores of depth: what they count, on estimates whose error is known; the report's pictures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dollygrip.errors import InputError
from dollygrip_backend.data.scenes import Scene, save_scene
from dollygrip_backend.evaluation.depth import absolute_relative, coloured, evaluate_depth, main
from dollygrip_backend.scene.depth import DepthEstimate


class Given:
    """An estimator that answers with a given depth."""

    def __init__(self, depth: np.ndarray, view_degrees: float = 60.0):
        self.answer = DepthEstimate(depth.astype(np.float32), view_degrees)

    def estimate(self, image: np.ndarray) -> DepthEstimate:
        return self.answer


def scene(kind: str) -> Scene:
    """Depth 2 on the left, 4 on the right, a row of sky on top; 53.13 degrees of view."""
    depth = np.where(np.arange(32) < 16, 2.0, 4.0)[None].repeat(16, 0)[None].astype(np.float32)
    depth[:, :2] = np.inf
    return Scene(
        kind,
        np.full((1, 16, 32, 3), 90, np.uint8),
        depth,
        np.eye(4)[None],
        np.array([[32.0, 32, 16, 8]]),
        kind,
    )


@given(st.floats(0.01, 100), st.integers(0, 100))
def test_the_scale_of_an_estimate_costs_nothing(scale, seed):
    truth = np.random.default_rng(seed).uniform(0.5, 9, 300)
    assert absolute_relative(truth * scale, truth) == pytest.approx((0, 1))


@given(st.floats(0.05, 0.2))
def test_what_is_wrong_by_a_tenth_scores_a_tenth(error):
    truth = np.ones(301)
    estimate = truth.copy()
    estimate[:100] *= 1 + error  # the median stays with the rest
    assert absolute_relative(estimate, truth) == pytest.approx((error * 100 / 301, 1))
    estimate[:100] = 1.3
    assert absolute_relative(estimate, truth)[1] == pytest.approx(201 / 301)


def test_the_scale_is_that_of_the_medians():
    truth, estimate = np.array([1.0, 2.0, 8.0]), np.array([4.0, 1.0, 2.0])  # the median of the ratios is 2
    assert absolute_relative(estimate, truth) == pytest.approx(((3 + 0.5 + 0.75) / 3, 0))


def test_scores_by_kind_leave_the_sky_out_and_measure_it(tmp_path):
    for kind in ("street", "interior"):
        save_scene(tmp_path / f"{kind}.npz", scene(kind))
    truth = scene("").depth[0]
    scores = evaluate_depth(tmp_path, Given(3 * truth))
    assert set(scores) == {"street", "interior", "all"}
    count, mean = scores["all"]
    assert count == 2 and mean.absrel == pytest.approx(0, abs=1e-6) and mean.delta1 == 1 and mean.sky_iou == 1
    assert mean.metric_absrel == pytest.approx(2) and mean.view_error == pytest.approx(60 - 53.13, abs=0.01)
    assert mean.constant_absrel > 0.2 and mean.constant_delta1 == pytest.approx(0.5, abs=0.51)


def test_the_report_draws_scenes_and_images_with_the_shipped_network(tmp_path, capsys):
    (tmp_path / "scenes").mkdir()
    save_scene(tmp_path / "scenes" / "street.npz", scene("street"))
    (tmp_path / "images").mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(tmp_path / "images/a.png")
    main(tmp_path / "scenes", tmp_path / "out", tmp_path / "images")
    printed = capsys.readouterr().out
    assert "street" in printed and "AbsRel" in printed
    pictures = sorted((tmp_path / "out").iterdir())
    assert len(pictures) == 2 and pictures[1].name == "a.png"
    assert Image.open(pictures[0]).size == (288 * 2 * 3, 288)  # picture, truth, estimate
    with pytest.raises(InputError, match="--out"):
        main(tmp_path / "scenes", None, tmp_path / "images")


def test_near_and_far_and_the_sky_are_told_apart_by_colour():
    rgb = coloured(scene("").depth[0]).astype(int)
    assert (rgb[0] == 255).all()
    near, far = rgb[8, 2], rgb[8, 30]
    assert near[0] > near[2] and far[2] > far[0]
