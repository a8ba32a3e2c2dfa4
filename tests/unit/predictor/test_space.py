"""What the shipped predictor knows of space, on small held-out scenes with exact depth."""

from pathlib import Path

import pytest

from dollygrip_backend.evaluation.space import Space, evaluate_space
from dollygrip_backend.predictor import CameraPipeline

SCENES = Path(__file__).parents[2] / "data" / "scenes"


@pytest.fixture(scope="module")
def measured() -> Space:
    return evaluate_space(CameraPipeline.from_pretrained(CameraPipeline.shipped()), SCENES)


def test_takes_keep_away_from_what_the_view_shows(measured):
    assert measured.takes >= 30 and measured.room >= 0.95


def test_keyframes_and_paths_are_met(measured):
    assert measured.keyframe_position < 0.005 and measured.keyframe_degrees < 0.5
    assert measured.path < 0.01
    assert measured.constrained_jerk < 4000  # a smoothstep of ten least amounts has 500, jitter of a tenth 200,000


def test_every_figure_has_its_line(measured):
    text = "\n".join(measured.lines())
    assert f"{measured.room:.1%}" in text and f"{measured.aim:.1%}" in text and str(measured.named) in text
