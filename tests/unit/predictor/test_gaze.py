"""On a drawn path a camera looks where the words say: ahead, back or at its subject, with a level horizon."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip_backend.predictor import Constraints
from dollygrip_backend.predictor.gaze import gazing, said_gaze, walking
from dollygrip_backend.predictor.level import UPRIGHT, Level
from dollygrip_backend.predictor.motion import YAW
from dollygrip_backend.predictor.plan import Plan, read_plan
from dollygrip_backend.predictor.settling import Context

GREY = np.full((64, 96, 3), 128, np.uint8)
T = np.linspace(0, 1, 200)
ARCH = 2 * np.stack([1 - np.cos(T * np.pi / 2), 0 * T, np.sin(T * np.pi / 2)], 1)  # ahead, then to the right
small = st.floats(-0.6, 0.6)


def said(prompt: str, plan: str = "static", named: bool = False, chosen: bool = False, kept: bool = False) -> str:
    return said_gaze(prompt, Plan(read_plan(plan).phases, kept=kept), named, chosen)


@pytest.mark.parametrize(
    ("prompt", "gaze"),
    [
        ("look ahead along the path", "ahead"),
        ("dolly along, always facing forward", "ahead"),
        ("face the direction of travel", "ahead"),
        ("look where it goes", "ahead"),
        ("fpv drone", "ahead"),
        ("fly along", "ahead"),
        ("slowly driving down the road", "ahead"),
        ("fly along, facing the house", ""),
        ("walk through, keeping still", ""),
        ("look back the way it came", "back"),
        ("facing backwards", "back"),
        ("pan left 30 degrees", ""),
        ("slowly push in", ""),
        ("look at the tower", ""),
        ("rise, then look left", ""),
        ("look back at the house", ""),
    ],
)
def test_what_is_heard(prompt, gaze):
    assert said(prompt) == gaze


def test_a_subject_that_was_chosen_or_is_kept_is_looked_at_unless_the_words_say_otherwise():
    assert said("slow, then fast", chosen=True) == "subject"
    assert said("keep the tower in frame", named=True, kept=True) == "subject"
    assert said("keep the tower in frame", named=False, kept=True) == ""
    assert said("always looking ahead", chosen=True) == "ahead"
    assert said("fly along", chosen=True) == "subject"
    assert said("fly along, then pan left", plan="dolly_in > pan_left") == ""


@pytest.mark.parametrize(
    ("plan", "walked"),
    [
        ("pan_left + dolly_in", "dolly_in"),
        ("static", "dolly_in"),
        ("pan_right @slow", "dolly_in @slow"),
        ("dolly_in > pan_left", "dolly_in > pan_left"),
        ("tilt_up > pan_left", "dolly_in > dolly_in + pan_left"),
        ("pan_right > pause", "dolly_in > pause"),
        ("pan_either > pause > dolly_in @slow", "pause > dolly_in @slow"),
        ("zoom_in", "dolly_in + zoom_in"),
    ],
)
def test_what_was_taken_for_a_pan_goes_along_the_path(plan, walked):
    assert str(walking(read_plan(plan))) == walked


@given(small, small, st.integers(0, 2**16))
@settings(deadline=None)
def test_it_starts_at_the_references_view_and_then_looks_there_with_a_level_horizon(pitch, roll, seed):
    rng = np.random.default_rng(seed)
    way = np.array([0.0, 0, 1]) + np.cumsum(rng.normal(0, 0.05, (97, 3)), 0)
    way[:, 1] *= 0.5
    level = Level(pitch, roll)
    out = gazing(np.zeros((97, 7)), way, 1.0, Context(level=level, duration=8.0))
    assert np.allclose(out[0], 0, atol=1e-9), "frame 0 is the reference"
    made = level.matrix @ level.poses(out)[0][50:, :3, :3]
    way = way[50:] / np.linalg.norm(way[50:], axis=1, keepdims=True)
    steep = np.abs(way[:, 1]) > 0.95
    looks = np.einsum("ti,ti->t", made[:, :, 2], way)
    assert looks[~steep].min(initial=1) > 1 - 1e-6
    assert np.abs(made[:, 1, 0]).max() < 1e-6, "no roll, however the reference was tilted"


def test_a_small_turn_from_the_references_view_is_no_jerk():
    aside = np.radians(3)
    towards = np.tile([np.sin(aside), 0, np.cos(aside)], (81, 1))
    yaw = np.degrees(gazing(np.zeros((81, 7)), towards, 1.0, Context(duration=80 / 24))[:, YAW])
    assert yaw[0] == pytest.approx(0, abs=1e-9) and abs(yaw[-1]) == pytest.approx(3)
    assert np.abs(np.diff(yaw, 2, prepend=yaw[0])).max() < 0.15  # degrees a frame a frame


def test_straight_up_it_keeps_its_heading():
    out = gazing(np.zeros((49, 7)), np.tile([0.0, -1, 0], (49, 1)), 1.0, Context(duration=2.0))
    made = UPRIGHT.poses(out)[0][:, :3, :3]
    assert np.isfinite(made).all() and abs(made[-1, 0, 2]) < 1e-9 and made[-1, 2, 2] > 0.1


def off(take, way: np.ndarray) -> np.ndarray:
    """Degrees between where a take looks and `way` (T, 3)."""
    cosine = np.einsum("ti,ti->t", take.rotations[:, :, 2], way) / np.linalg.norm(way, axis=1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


@pytest.mark.parametrize(
    ("prompt", "way"),
    [("look ahead along the path", 1), ("face the direction of travel", 1), ("fly along", 1), ("look back", -1)],
)
def test_the_shipped_predictor_looks_along_the_path(shipped, prompt, way):
    [take] = shipped(GREY, prompt, frames=97, constraints=Constraints(path=ARCH))
    travel = np.gradient(take.positions, axis=0)
    assert off(take, way * travel)[72:].max() < 8 and np.allclose(take.c2w[0], np.eye(4), atol=1e-6)


def test_the_shipped_predictor_keeps_a_chosen_subject_in_the_middle(shipped):
    where = np.array([(2 * 0.3 - 1) * np.tan(np.radians(25)), 0, 1])
    [take] = shipped(GREY, "slow, then fast", frames=97, subject=(0.3, 0.5), constraints=Constraints(path=ARCH))
    assert off(take, where - take.positions)[48:].max() < 1


def test_a_handheld_camera_sways_about_where_it_looks(shipped):
    still, held = (
        shipped(GREY, f"{words}look ahead along the path", frames=97, constraints=Constraints(path=ARCH))[0]
        for words in ("", "handheld, ")
    )
    apart = off(still, held.rotations[:, :, 2])
    assert 0.1 < apart[24:].mean() < 2


def test_a_single_frame_has_a_gaze_too(shipped):
    [take] = shipped(GREY, "look ahead along the path", frames=1, constraints=Constraints(path=ARCH))
    assert np.allclose(take.c2w[0], np.eye(4), atol=1e-9)


def test_words_that_name_no_move_say_how_a_path_is_walked(shipped):
    def gone(prompt: str) -> float:
        [take] = shipped(GREY, prompt, frames=97, constraints=Constraints(path=ARCH))
        steps = np.linalg.norm(np.diff(take.positions, axis=0), axis=1)
        return steps[:48].sum() / steps.sum()

    assert gone("slow at first, then fast") < 0.35
    assert gone("hold two seconds at the end") > 0.9
    assert abs(gone("static") - 0.5) < 0.02
