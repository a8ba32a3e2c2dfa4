"""The report of the predictor's evaluation and the held-out prompts that it is made on."""

import json
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import attrs
import numpy as np
import pytest
from PIL import Image

from dollygrip.errors import InputError
from dollygrip.trajectory import Trajectory
from dollygrip_backend.evaluation.figures import curves, side_view, top_view
from dollygrip_backend.evaluation.judge import MOVES
from dollygrip_backend.evaluation.predictor import evaluate_cases, evaluate_predictor, read_cases
from dollygrip_backend.predictor import CameraPipeline
from dollygrip_backend.scene.depth import DepthEstimate

PROMPTS = Path(__file__).parents[2] / "data" / "camera_prompts.jsonl"
SINGLE = set(MOVES) - {"orbit", "static", "handheld", "dolly_zoom_in", "dolly_zoom_out"}


def travel(direction: tuple[float, float, float]) -> Trajectory:
    c2w = np.tile(np.eye(4), (41, 1, 1))
    c2w[:, :3, 3] = np.linspace(0, 0.5, 41)[:, None] * direction
    return Trajectory(c2w, np.tile([500.0, 500, 320, 200], (41, 1)), (640, 400), 24.0, 1.0)


def last_step(svg: str, line: int = 0) -> np.ndarray:
    """The way on the page (right, down) from the first to the last point of a polyline."""
    points = [[float(n) for n in p.split(",")] for p in re.findall(r"points='([^']*)'", svg)[line].split()]
    return np.subtract(points[-1], points[0])


@pytest.mark.parametrize(
    ("view", "direction", "page"),
    [
        (top_view, (1, 0, 0), (20, 0)),
        (top_view, (0, 0, 1), (0, -20)),
        (top_view, (0, -1, 0), (0, 0)),
        (side_view, (0, 0, 1), (20, 0)),
        (side_view, (0, -1, 0), (0, -20)),
        (side_view, (1, 0, 0), (0, 0)),
    ],
)
def test_views_show_the_camera_going_where_it_goes(view, direction, page):
    assert last_step(view(travel(direction))) == pytest.approx(page, abs=0.11)


def test_curves_raise_only_the_axis_that_moves():
    ends = [last_step(curves(travel((0, 0, 1))), line)[1] for line in range(7)]
    assert ends[5] < -30 and np.allclose(np.delete(ends, 5), 0)


def write(folder: Path, *entries: dict) -> Path:
    file = folder / "prompts.jsonl"
    file.write_text("\n".join(map(json.dumps, entries)))
    return file


class Trucker:
    """A predictor that trucks right whatever is asked."""

    def batch(self, image, prompts, seed):
        return [travel((1, 0, 0)) for _ in prompts]


def test_the_report_counts_by_kind_and_by_move(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(CameraPipeline, "from_pretrained", lambda _: Trucker())
    monkeypatch.setattr(CameraPipeline, "shipped", lambda: tmp_path)
    file = write(
        tmp_path,
        {"id": "a", "prompt": "go right", "expect": ["truck_right"], "kind": "single"},
        {"id": "b", "prompt": "go left", "expect": ["truck_left"], "kind": "single"},
        {"id": "c", "prompt": "<hold>", "expect": ["static"], "kind": "static"},
        {"id": "d", "prompt": "slide", "expect": ["truck_right"]},
    )
    summary = evaluate_predictor(file, tmp_path / "out")
    assert summary.by_kind == {"single": 0.5, "static": 0.0}
    assert summary.by_move == {"static": 0.0, "truck_left": 0.0, "truck_right": 1.0}
    assert any(line.split() == ["single", "50.0%", "of", "2"] for line in capsys.readouterr().out.splitlines())
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["by_kind"] == summary.by_kind and report["cases"][2]["kind"] == "static"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "By kind" in page and "50% of 2" in page and "&lt;hold&gt;" in page
    assert page.count("<svg") == 3 * len(summary.results)


def test_without_kinds_there_is_no_table_of_kinds(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(CameraPipeline, "from_pretrained", lambda _: Trucker())
    monkeypatch.setattr(CameraPipeline, "shipped", lambda: tmp_path)
    summary = evaluate_predictor(write(tmp_path, {"id": 1, "prompt": "x", "move": "static"}), tmp_path)
    assert summary.by_kind == {} and "By kind" not in capsys.readouterr().out


def test_a_kind_that_is_no_word_is_refused_with_its_line(tmp_path):
    good = {"id": "a", "prompt": "x", "move": "pan_left", "kind": "single"}
    with pytest.raises(InputError, match="Line 2"):
        read_cases(write(tmp_path, good, {**good, "kind": 3}))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"amount": {"pan_left": 90}}, "'amount'"),
        ({"amounts": {"pan_lefft": 90}}, "'pan_lefft'"),
        ({"amounts": {"pan_right": 90}}, "'pan_right'"),
        ({"amounts": {"pan_left": "90"}}, "'90', not a positive number"),
        ({"amounts": {"pan_left": -90}}, "-90, not a positive number"),
        ({"amounts": {"pan_left": float("nan")}}, "nan, not a positive number"),
        ({"amounts": {"pan_left": True}}, "True, not a positive number"),
        ({"amounts": [90]}, "not a case"),
    ],
)
def test_what_would_not_be_judged_is_refused_with_its_line(tmp_path, wrong, said):
    good = {"id": "a", "prompt": "x", "move": "pan_left", "amounts": {"pan_left": 90}}
    with pytest.raises(InputError, match=f"Line 2.*{said}"):
        read_cases(write(tmp_path, good, {"id": "a", "prompt": "x", "move": "pan_left", **wrong}))


def test_every_file_of_prompts_is_read():
    for file in PROMPTS.parent.glob("*prompts.jsonl"):
        assert read_cases(file)


class Walker:
    """A predictor that walks half a scene depth ahead whatever is asked."""

    def batch(self, image, prompts, seed, depth, view_degrees):
        return [travel((0, 0, 1)) for _ in prompts]


def test_shares_of_a_distance_count_from_the_thing_itself(tmp_path, monkeypatch):
    Image.fromarray(np.full((100, 160, 3), 90, np.uint8)).save(tmp_path / "image.png")
    depth = np.ones((100, 160), np.float32)
    depth[:, 80:] = 2.0
    estimator = SimpleNamespace(estimate=lambda image: DepthEstimate(depth, 50.0))
    monkeypatch.setattr("dollygrip_backend.evaluation.predictor.load_estimator", lambda model: estimator)
    common = {"prompt": "x", "expect": ["dolly_in"], "image": "image.png"}
    file = write(
        tmp_path,
        {"id": "near", "amounts": {"dolly_in": 0.5}, "of": [0.25, 0.5], **common},
        {"id": "far", "amounts": {"dolly_in": 0.25}, "of": [0.75, 0.5], **common},
        {"id": "wrong", "amounts": {"dolly_in": 0.5}, "of": [0.75, 0.5], **common},
        {"id": "in depths", "amounts": {"dolly_in": 0.5}, **common},
    )
    results = evaluate_cases(Walker(), read_cases(file))
    assert [result.verdict.obeyed for result in results] == [True, True, False, True]


def test_pictures_are_seen_upright_as_the_backend_sees_them(tmp_path, monkeypatch):
    exif = Image.Exif()
    exif[274] = 6  # a camera held upright
    Image.fromarray(np.full((100, 160, 3), 90, np.uint8)).save(tmp_path / "image.jpg", exif=exif)
    seen = []
    estimator = SimpleNamespace(
        estimate=lambda image: seen.append(image.shape) or DepthEstimate(np.ones((160, 100)), 50.0)
    )
    monkeypatch.setattr("dollygrip_backend.evaluation.predictor.load_estimator", lambda model: estimator)
    case = {"id": "turned", "prompt": "x", "expect": ["dolly_in"], "image": "image.jpg"}
    evaluate_cases(Walker(), read_cases(write(tmp_path, case)))
    assert seen == [(160, 100, 3)]


class Spotter:
    """A predictor that takes every thing to be at the same place, or to be nowhere where it is asked for "nothing"."""

    def batch(self, image, prompts, seed, depth, view_degrees):
        seen = {"subject": [0.3, 0.5]}
        return [attrs.evolve(travel((0, 0, 1)), meta={} if prompt == "nothing" else seen) for prompt in prompts]


def test_the_report_counts_where_the_things_are_found_that_prompts_name(tmp_path, monkeypatch):
    monkeypatch.setattr(CameraPipeline, "from_pretrained", lambda _: Spotter())
    monkeypatch.setattr(CameraPipeline, "shipped", lambda: tmp_path)
    estimator = SimpleNamespace(estimate=lambda image: DepthEstimate(np.ones((100, 160), np.float32), 50.0))
    monkeypatch.setattr("dollygrip_backend.evaluation.predictor.load_estimator", lambda model: estimator)
    Image.fromarray(np.full((100, 160, 3), 90, np.uint8)).save(tmp_path / "image.png")
    common = {"expect": ["dolly_in"], "image": "image.png"}
    file = write(
        tmp_path,
        {"id": "on it", "prompt": "x", "of": [0.35, 0.4], **common},
        {"id": "near it", "prompt": "x", "of": [0.3, 0.6], **common},
        {"id": "elsewhere", "prompt": "x", "of": [0.7, 0.5], **common},
        {"id": "left open", "prompt": "nothing", "of": [0.3, 0.5], **common},
        {"id": "of nothing", "prompt": "x", **common},
    )
    summary = evaluate_predictor(file, tmp_path / "out")
    assert summary.sight == {"found there": 0.5, "found elsewhere": 0.25, "left open": 0.25}
    assert json.loads((tmp_path / "out" / "report.json").read_text())["sight"] == summary.sight
    assert "The thing that a prompt names" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("of", [[0.5], [1.0, 0.5], [-0.1, 0.5], ["a", "b"], 3])
def test_a_place_that_is_none_is_refused_with_its_line(tmp_path, of):
    good = {"id": "a", "prompt": "x", "move": "dolly_in", "image": "image.png"}
    with pytest.raises(InputError, match="Line 2"):
        read_cases(write(tmp_path, good, {**good, "of": of}))


def test_the_held_out_prompts_are_whole_and_even():
    cases = read_cases(PROMPTS)
    kinds = Counter(case.kind for case in cases)
    assert kinds == {
        "single": 120, "static": 25, "distractor": 35, "combined": 35, "ordered": 30, "quantity": 25, "intent": 10
    }  # fmt: skip
    assert len({case.id for case in cases}) == len({case.prompt.lower() for case in cases}) == len(cases)
    singles = Counter(case.expect for case in cases if case.kind == "single")
    assert {move for (move,) in singles} == SINGLE and set(singles.values()) <= {7, 8}


def test_the_held_out_prompts_ask_for_what_the_judge_can_tell_apart():
    for case in read_cases(PROMPTS):
        axes = [MOVES[move][0] for move in case.expect]
        assert len(set(axes)) == len(axes), case.id
        assert (len(axes) > 1) == (case.kind in ("combined", "ordered")) or case.kind == "quantity", case.id
        assert set(case.amounts) <= set(case.expect), case.id
        assert bool(case.amounts) == (case.kind == "quantity"), case.id


def test_every_held_out_picture_is_used_and_small():
    used = {case.image for case in read_cases(PROMPTS)}
    assert used == set((PROMPTS.parent / "pictures").iterdir()) and len(used) == 12
    for file in used:
        with Image.open(file) as picture:
            assert picture.format == "JPEG" and sorted(picture.size) == [288, 480]
        assert file.stat().st_size < 60_000
