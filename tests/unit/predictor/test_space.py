"""What the shipped predictor knows of space, on small held-out scenes with exact depth."""

import json
from pathlib import Path

import attrs
import numpy as np
import pytest

from dollygrip.errors import InputError
from dollygrip_backend.data.objects import SceneObject, unambiguous
from dollygrip_backend.data.scenes import Scene, SceneDataset, save_scene
from dollygrip_backend.evaluation.predictor import evaluate_predictor
from dollygrip_backend.evaluation.space import Space, _apart, evaluate_space
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
    assert measured.constrained_jerk < 4000  # a smoothstep of ten least amounts has 120, jitter of a tenth 200,000


def test_what_is_named_is_looked_for_in_every_view(measured):
    scenes = SceneDataset(SCENES)
    views = [scenes[index].objects_in(view) for index in range(len(scenes)) for view in range(len(scenes[index]))]
    assert 0 < measured.things <= sum(len(unambiguous(objects)) for objects in views)
    assert 0.5 < measured.sight <= 1


def test_an_object_is_as_far_from_another_place_as_the_lens_says():
    size, focal = (160, 96), 80.0
    intrinsics = np.array([[focal, focal, 80, 48]])
    scene = Scene("one", np.zeros((1, 96, 160, 3), np.uint8), np.ones((1, 96, 160)), np.eye(4)[None], intrinsics)
    item = SceneObject(0, "ball", "", 0.5, 0.5, 3.0, 0.1)
    assert scene.size == size and _apart(scene, item, (0.5, 0.5)) == pytest.approx(0, abs=1e-5)
    assert _apart(scene, item, (1.0, 0.5)) == pytest.approx(45)


def test_every_figure_has_its_line(measured):
    text = "\n".join(measured.lines())
    assert f"{measured.room:.1%}" in text and f"{measured.aim:.1%}" in text and str(measured.named) in text
    assert f"{measured.sight:.1%} of {measured.things}" in text
    assert "none of 0" in "\n".join(attrs.evolve(measured, turn=None, turns=0).lines())


def test_scenes_to_measure_on_are_looked_at_before_any_take(tmp_path):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"id": "a", "prompt": "pan left", "move": "pan_left"}')
    with pytest.raises(InputError, match="no scenes in"):
        evaluate_predictor(prompts, tmp_path / "out", scenes=tmp_path)
    save_scene(tmp_path / "nameless.npz", attrs.evolve(SceneDataset(SCENES)[0], objects=()))
    with pytest.raises(InputError, match="name and a colour"):
        evaluate_predictor(prompts, tmp_path / "out", scenes=tmp_path)
    assert not (tmp_path / "out").exists()


def test_the_report_has_what_was_measured_in_space(measured, tmp_path, monkeypatch):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"id": "a", "prompt": "pan left", "move": "pan_left"}')
    monkeypatch.setattr("dollygrip_backend.evaluation.predictor.evaluate_space", lambda pipeline, scenes: measured)
    evaluate_predictor(prompts, tmp_path, scenes=SCENES)
    assert json.loads((tmp_path / "report.json").read_text())["space"] == attrs.asdict(measured)
