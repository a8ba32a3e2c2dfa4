"""What is said of a whole shot: there and back, kept in frame, a lens that closes in; and that cameras keep to it."""

import attrs
import numpy as np
import pytest

from dollygrip_backend.predictor.motion import plan_channels
from dollygrip_backend.predictor.phrases import phrased
from dollygrip_backend.predictor.plan import read_plan
from dollygrip_backend.predictor.settling import Context, settle


def channels(notation, context=None, prompt="", toward=False, seed=None):
    context, rng = context or Context(), None if seed is None else np.random.default_rng(seed)
    plan = attrs.evolve(phrased(read_plan(notation), prompt), toward=toward)
    return plan_channels(settle(plan, context, rng), context)


def in_picture(row, context):
    """(x, y) from -1 to 1 where a camera at the channels (7,) sees the subject."""
    from dollygrip_backend.predictor.level import UPRIGHT

    c2w, ratio = UPRIGHT.poses(row[None])
    x, y, z = c2w[0, :3, :3].T @ (context.ray() - c2w[0, :3, 3])
    half = np.tan(np.radians(context.view_degrees) / 2)
    return np.array([x, y * context.aspect]) / z / half * ratio[0]


@pytest.mark.parametrize(
    ("prompt", "returns"),
    [
        ("pan left 30 degrees and back again", True),
        ("roll left 15 degrees, then level out", True),
        ("zoom in and back out", True),
        ("pan right, then return to the start", True),
        ("push in, then pull back", False),
        ("back away from her", False),
        ("pan left, then right", False),
    ],
)
def test_words_say_that_a_camera_comes_back(prompt, returns):
    assert phrased(read_plan("pan_left > pan_right"), prompt).returns == returns


@pytest.mark.parametrize(
    "notation", ["pan_left:30deg > pan_right", "roll_clockwise > roll_counterclockwise", "zoom_in:3x > zoom_out",
                 "dolly_in:50% > dolly_out", "pan_left > tilt_up > pan_either",
                 "dolly_in + pedestal_up > dolly_out + pedestal_down"],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(4))
def test_what_comes_back_ends_where_it_began(notation, seed):
    end = channels(notation, prompt="and back again", seed=seed)[-1]
    tilt = channels("tilt_up", seed=seed)[-1] if "tilt" in notation else 0
    assert np.abs(end - tilt * (np.arange(7) == 4)).max() < (0.5 if "tilt" in notation else 1e-9)
    assert abs(end[3]) < 1e-9 and abs(end[6]) < 1e-9


def test_what_is_asked_in_numbers_on_the_way_back_is_met():
    assert np.degrees(channels("pan_left:30deg > pan_right:10deg", prompt="and back")[-1][3]) == pytest.approx(-20)


@pytest.mark.parametrize("prompt", ["truck right keeping the pagoda centered", "boom up, hold her in frame",
                                    "slide, eyes on the man", "the bike stays in the middle of the frame",
                                    "strafe left focusing on her", "rise and keep looking at it",
                                    "slide left locked on her", "slide, looking at the man"])  # fmt: skip
def test_words_say_that_a_thing_is_kept_in_frame(prompt):
    assert phrased(read_plan("truck_right"), prompt).kept
    for words in ("truck right, keeping level", "move sideways, always facing the same way as now"):
        assert not phrased(read_plan("truck_right"), words).kept


@pytest.mark.parametrize("notation", ["truck_right:50%", "pedestal_up:40%", "truck_left:30% + pedestal_up:20%"])
def test_what_is_kept_in_frame_stays_where_it_is(notation):
    context = Context(subject=(0.4, 0.6))
    take = channels(notation, context, "keep it in frame", toward=True)
    shift = np.abs(in_picture(take[-1], context) - in_picture(take[0], context))
    assert shift.max() < 0.06
    without = channels(notation, context, "", toward=True)
    assert np.abs(in_picture(without[-1], context) - in_picture(without[0], context)).max() > 0.3


def test_a_turn_that_is_said_to_keep_a_thing_in_frame_is_as_large_as_that_needs():
    context = Context(subject=(0.4, 0.6))
    for notation in ("truck_right:50% + pan_left", "pedestal_up:40% + tilt_down", "truck_left:20% + roll_clockwise"):
        take = channels(notation, context, "keep it in frame", toward=True)
        kept = np.abs(in_picture(take[-1], context) - in_picture(take[0], context)).max() < 0.06
        assert kept == ("roll" not in notation)
    away = channels("truck_right:50% + pan_right", context, "keep it in frame", toward=True)
    assert away[-1][3] > np.radians(10), "what goes the other way is meant"
    numbered = channels("truck_right:50% + pan_left:9deg", context, "keep it in frame")
    assert np.degrees(numbered[-1][3]) == pytest.approx(-9)


@pytest.mark.parametrize(
    ("notation", "prompt", "said"),
    [
        ("zoom_in", "zoom in and out", "zoom_in > zoom_out"),
        ("tilt_up", "tilt up and down the tower", "tilt_up > tilt_down"),
        ("pan_either", "pan left and right twice", "pan_left > pan_right > pan_left > pan_right"),
        ("dolly_out", "dolly back and forth", "dolly_out > dolly_in > dolly_out > dolly_in"),
        ("pan_right", "pan from left to right", "pan_right"),
        ("zoom_in", "zoom in and out of focus", "zoom_in"),
        ("dolly_in", "push in as they walk left and right", "dolly_in"),
        ("pan_left > zoom_in", "pan left, then zoom in and out", "pan_left > zoom_in"),
    ],
)
def test_what_goes_to_and_fro_comes_back(notation, prompt, said):
    plan = phrased(read_plan(notation), prompt)
    assert str(plan) == said
    assert not plan.returns or np.abs(channels(notation, prompt=prompt, seed=1)[-1]).max() < 1e-9


@pytest.mark.parametrize("subject", [(0.32, 0.24), (0.9, 0.5), (0.5, 0.52)])
def test_a_lens_that_closes_in_keeps_its_thing_in_frame_and_turns_no_more_than_that(subject):
    context = Context(subject=subject)
    take = channels("zoom_in:3x", context, toward=True)
    assert np.abs(in_picture(take[-1], context)).max() < 0.85
    turned = np.abs(take[-1][3:5]).max()
    assert turned == 0 if subject == (0.5, 0.52) else turned > np.radians(2)
    assert np.all(channels("zoom_in:3x", context, toward=False)[:, 3:5] == 0)
