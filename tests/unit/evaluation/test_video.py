"""The report on the embedded engine, on a wall made by formula; its figures are known for a world that stays."""

import json

import attrs
import numpy as np
import pytest
from typer.testing import CliRunner

from dollygrip.errors import InputError
from dollygrip_backend.cli.main import app
from dollygrip_backend.data.scenes import Scene, SceneDataset, save_scene
from dollygrip_backend.evaluation import steadiness as steady
from dollygrip_backend.evaluation.steadiness import flicker, pan_and_back, seam, turned
from dollygrip_backend.evaluation.video import evaluate_video
from dollygrip_backend.video import embedded

SIZE = (96, 64)


def panorama(degrees: float, rng: int = 0) -> np.ndarray:
    """A far wall of soft columns, seen so many degrees further to the right; rng changes what the right half shows."""
    across = (np.arange(SIZE[0]) + 0.5 - 48) / 80
    angle = np.arctan(across) + np.radians(degrees)
    column = 128 + 100 * np.sin(6 * angle) + rng * 40 * (angle > np.arctan(48 / 80))
    return np.repeat(np.tile(column.clip(0, 255), (SIZE[1], 1))[..., None], 3, 2).astype(np.uint8)


def wall() -> Scene:
    """Two views of it, 12 degrees apart."""
    c2w = pan_c2w(12.0)
    lens = np.tile([80.0, 80.0, 48.0, 32.0], (2, 1))
    depth = np.full((2, 64, 96), 4.0, np.float32)
    return Scene("wall", np.stack([panorama(0), panorama(12)]), depth, c2w, lens)


def pan_c2w(degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    c2w = np.tile(np.eye(4), (2, 1, 1))
    c2w[1, :3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    return c2w


def test_a_turned_frame_is_what_the_other_view_shows():
    scene = wall()
    views = list(zip(scene.c2w, scene.intrinsics, strict=True))
    warped, inside = turned(scene.rgb[1], views[1], views[0])
    assert 0.3 < inside.float().mean() < 0.8 and not inside[:, :16].any()
    assert np.abs(warped.numpy() - scene.rgb[0])[inside.numpy()].max() < 4


def test_scenes_without_holes_are_refused(tmp_path):
    scene = wall()
    same = attrs.evolve(scene, rgb=scene.rgb[[0, 0]], c2w=scene.c2w[[0, 0]])
    save_scene(tmp_path / "same.npz", same)
    with pytest.raises(InputError, match="view 0 does not"):
        evaluate_video(tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "video", "--weights"],
        ["evaluate", "predictor", "--prompts", "p.jsonl", "--weights"],
        ["train", "depth", "--start"],
    ],
)
def test_weights_are_a_folder_that_is_there_and_no_name_on_the_hub(command):
    result = CliRunner().invoke(app, [*command, "nobody/nothing"])
    assert result.exit_code == 2 and "does not exist" in result.output


def test_flicker_is_found_where_it_is():
    scene = wall()
    camera = pan_and_back(scene, 41)
    degrees = steady.PAN * (1 - np.abs(np.linspace(-1, 1, 41)))
    still = flicker(scene, camera, [panorama(d) for d in degrees])
    assert max(still) < 2
    unsteady = flicker(scene, camera, [panorama(d, t % 2) for t, d in enumerate(degrees)])
    assert unsteady[0] > 20 and unsteady[1] < 4


@pytest.mark.parametrize(("jump", "least"), [(0, 0.99), (30, 5)])
def test_a_seam_is_measured_against_the_frames_elsewhere(jump, least):
    frames = [np.full((4, 4, 3), t + jump * (t >= embedded.WINDOW), np.uint8) for t in range(embedded.WINDOW + 20)]
    assert least <= seam(frames) <= least * 7


def test_the_report_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(embedded, "WINDOW", 6)
    monkeypatch.setattr(steady, "WINDOW", 6)
    monkeypatch.setattr(steady, "FRAMES", 9)
    (tmp_path / "scenes").mkdir()
    save_scene(tmp_path / "scenes" / "wall.npz", wall())
    report = evaluate_video(tmp_path / "scenes", tmp_path / "report")
    assert min(report.first_frame) >= 35 and min(report.steadiness.return_worst) >= 28
    written = json.loads((tmp_path / "report" / "report.json").read_text())
    assert written["fills"].keys() == report.fills.keys() and written["scenes"] == len(
        SceneDataset(tmp_path / "scenes")
    )
    page = (tmp_path / "report" / "report.html").read_text()
    assert all(name in page for name in (*report.fills, *report.shots, "wall"))
    pictures = [part.split("'")[0] for part in page.split("src='")[1:]]
    assert pictures and all((tmp_path / "report" / name).is_file() for name in pictures)
    assert attrs.asdict(report.fills["classical fill"])["hole_psnr"] > 5 and "seam" in capsys.readouterr().out
