"""Kinds of shots by their names: what they mean, and that a fuller reading goes before them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.predictor.plan import read_plan
from dollygrip_backend.predictor.shot_kinds import named


@pytest.mark.parametrize(
    ("plan", "prompt", "said"),
    [
        ("static", "earthquake!", "handheld"),
        ("pedestal_up", "overhead shot of the yard", "pedestal_up:large + tilt_down:large"),
        ("dolly_in @slow", "POV, slowly walking down the hall", "dolly_in + handheld @slow"),
        ("static", "kill cam", "orbit_either @fast"),
        ("dolly_in", "slow motion", "static"),
        ("dolly_in", "fade in", "static"),
        ("dolly_in", "fade in, then push in", "dolly_in"),
        ("static", "static overhead shot", "static"),
        ("static", "top view, the camera doesn't move", "static"),
        ("dolly_in + tilt_down", "top-down, push in on the map", "dolly_in + tilt_down"),
        ("static", "a knife cuts the pizza in half, then quarters, top view", "static"),
    ],
)
def test_a_name_means_its_shot_where_no_more_is_heard(plan, prompt, said):
    assert str(named(read_plan(plan), prompt)) == said


@given(st.text(max_size=60), st.sampled_from(["pan_left > tilt_up", "dolly_in + pan_left"]))
def test_what_is_heard_beside_it_stays(text, notation):
    plan = read_plan(notation)
    assert named(plan, text) in (plan, read_plan("static"))
