"""The figures of a recovered camera, and the command's work on a folder."""

import json
import shutil

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from room import SIZE, camera, picture
from typer.testing import CliRunner

from dollygrip import formats, shot_record
from dollygrip.errors import InputError
from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory
from dollygrip_backend.cli.main import app
from dollygrip_backend.evaluation.shot import evaluate_shot
from dollygrip_backend.video.achieved import achieved_camera
from dollygrip_backend.video.recovery import Recovered


def trajectory(move=(1.0, 0, 0.5), turn=(0, 0.3, 0), frames=9) -> Trajectory:
    c2w, lens = camera(turn, move, frames=frames)
    return Trajectory(c2w, lens, SIZE, 24.0, scene_depth=4.0)


def as_achieved(c2w: np.ndarray, scale: float = 1.0, moves: bool = True) -> Recovered:
    relative = np.linalg.inv(c2w[0]) @ c2w
    relative[:, :3, 3] *= scale
    return Recovered(relative, moves, np.array([[9.0, 9.0, 4.0 * scale]]))


@given(st.floats(0.05, 20), st.tuples(*[st.floats(-3, 3)] * 6))
def test_neither_the_world_nor_the_unit_counts(scale, at):
    requested = trajectory()
    world = np.eye(4)
    world[:3, :3], world[:3, 3] = matrix_from_rotvec(np.array(at[:3])), at[3:]
    errors = achieved_camera(attrs.evolve(requested, c2w=world @ requested.c2w), as_achieved(requested.c2w, scale))
    assert max(errors.rot_err, errors.trans_err, errors.cam_mc, errors.position.max()) < 1e-6
    assert errors.scale == pytest.approx(1 / scale)


@given(st.floats(0.001, 1.0))
def test_rotation_errors_add_up_in_radians(angle):
    requested = trajectory()
    c2w = requested.c2w.copy()
    c2w[1:, :3, :3] = c2w[1:, :3, :3] @ matrix_from_rotvec(np.array([0, 0, angle]))
    errors = achieved_camera(requested, as_achieved(c2w))
    assert errors.rot_err == pytest.approx(8 * angle) and errors.trans_err == pytest.approx(0, abs=1e-9)
    assert errors.rotation[1:] == pytest.approx(np.degrees(angle))
    # |R' - R| of two rotations `angle` apart is sqrt(8) sin(angle / 2), Frobenius.
    assert errors.cam_mc == pytest.approx(8 * np.sqrt(8) * np.sin(angle / 2))


def test_translation_errors_are_shares_of_the_reach():
    requested = trajectory(move=(2.0, 0, 0), turn=(0, 0, 0))
    short = requested.c2w.copy()
    short[-1, :3, 3] = short[-2, :3, 3]
    errors = achieved_camera(requested, as_achieved(short))
    start = requested.c2w[0, :3, 3]
    wanted, got = requested.positions - start, short[:, :3, 3] - start
    reach, got_reach = np.linalg.norm(wanted, axis=1).max(), np.linalg.norm(got, axis=1).max()
    assert errors.trans_err == pytest.approx(np.linalg.norm(got / got_reach - wanted / reach, axis=1).sum())
    assert np.argmax(errors.position) == 8 and errors.rot_err == pytest.approx(0, abs=1e-6)


def test_a_move_that_was_not_made_and_one_that_was_not_asked_for():
    moving, turning = trajectory(), trajectory(move=(0, 0, 0))
    missed = achieved_camera(moving, as_achieved(moving.c2w, 0.0, moves=False))
    distance = np.linalg.norm(moving.relative().positions, axis=1)
    assert missed.trans_err == pytest.approx((distance / distance.max()).sum()) and missed.rot_err < 1e-6
    drifted = turning.c2w.copy()
    drifted[1:, 0, 3] += 0.4  # a tenth of the scene's depth
    unasked = achieved_camera(turning, as_achieved(drifted, 7.0))
    assert unasked.trans_err == pytest.approx(8 * 0.1) and unasked.position[1:] == pytest.approx(0.1)


def test_a_move_the_other_way_round_is_no_match():
    requested = trajectory(turn=(0, 0, 0))
    relative = requested.relative().c2w
    relative[:, :3, 3] *= -3
    errors = achieved_camera(requested, as_achieved(relative))
    assert errors.scale == 0 and errors.position[-1] == pytest.approx(1)


def test_frames_that_were_not_found_are_no_zeros():
    requested = trajectory()
    c2w = requested.c2w.copy()
    c2w[1:, :3, :3] = c2w[1:, :3, :3] @ matrix_from_rotvec(np.array([0, 0.1, 0]))
    whole, holed = as_achieved(c2w), as_achieved(c2w)
    holed.c2w[[2, 5]] = np.nan
    errors = achieved_camera(requested, holed)
    assert np.isnan(errors.rotation[[2, 5]]).all() and np.isfinite(np.delete(errors.rotation, [2, 5])).all()
    assert errors.rot_err == pytest.approx(6 * 0.1 / 7 * 9) != achieved_camera(requested, whole).rot_err


@pytest.fixture(scope="module")
def shot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shot")
    requested = trajectory(move=(0.8, 0, 0.4), turn=(0, 0.1, 0), frames=5)
    for number, (pose, lens) in enumerate(zip(requested.c2w, requested.intrinsics, strict=True), 1):
        Image.fromarray(picture(pose, lens)[0]).save(folder / f"frame_{number:04d}.png")
    world = np.diag([1.0, 1, 1, 1])
    world[:3, :3], world[:3, 3] = matrix_from_rotvec(np.array([0, 1.0, 0])), [5, 0, 2]
    placed = attrs.evolve(requested, c2w=world @ requested.c2w).resized((1024, 576))
    formats.write(folder / "shot.camera.json", placed)
    return folder, placed


def test_a_shots_camera_is_found_and_written_in_the_requests_own_world(shot):
    folder, requested = shot
    errors = evaluate_shot(folder)
    assert np.nanmax(errors.rotation) < 0.15 and np.nanmax(errors.position) < 0.03
    content = json.loads((folder / "achieved.json").read_text())
    assert (content["format"], content["version"], content["moves"]) == ("dollygrip-achieved", 1, True)
    written = np.array([frame["c2w"] for frame in content["frames"]])
    assert np.abs(written[:, :3, 3] - requested.positions).max() < 0.03
    assert np.abs(written - requested.c2w).max() < 0.03
    assert content["rot_err"] == errors.rot_err and content["frames"][0]["rotation_degrees"] == errors.rotation[0]


def test_the_camera_of_a_folder_that_the_command_line_rendered_is_found_beside_it(shot, tmp_path):
    folder, _ = shot
    shutil.copytree(folder, tmp_path / "clip", ignore=shutil.ignore_patterns("*.json"))
    kept = shot_record.beside(tmp_path / "clip")
    kept.mkdir()
    shutil.copy(folder / shot_record.CAMERA, kept)
    assert np.nanmax(evaluate_shot(tmp_path / "clip").position) < 0.03


def test_what_does_not_belong_together_is_refused(shot, tmp_path):
    folder, _ = shot
    with pytest.raises(InputError, match="0 numbered images"):
        evaluate_shot(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        evaluate_shot(tmp_path / "none")
    for number in (1, 2):
        Image.fromarray(np.zeros((40, 60 + 2 * number, 3), np.uint8)).save(tmp_path / f"{number}.png")
    with pytest.raises(InputError, match="differ in size"):
        evaluate_shot(tmp_path)
    Image.fromarray(np.zeros((40, 62, 3), np.uint8)).save(tmp_path / "2.png")
    with pytest.raises(InputError, match="0 camera files"):
        evaluate_shot(tmp_path)
    with pytest.raises(InputError, match="2 images, its camera 5 frames"):
        evaluate_shot(tmp_path, folder / "shot.camera.json")


def test_the_command_says_what_it_found(shot):
    folder, _ = shot
    result = CliRunner().invoke(app, ["evaluate", "video", str(folder)])
    assert result.exit_code == 0 and "recovered 5 of 5 frames" in result.output and "RotErr" in result.output
    result = CliRunner().invoke(app, ["evaluate", "video", str(folder), "--clips", str(folder)])
    assert result.exit_code == 2
