"""Shots whose moves go to things of their own: what is read by itself, and where the camera ends."""

from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.evaluation.judge import components
from dollygrip_backend.files import read_image
from dollygrip_backend.predictor.destinations import going_there, parts_of
from dollygrip_backend.predictor.grounding import Found
from dollygrip_backend.predictor.motion import plan_channels
from dollygrip_backend.predictor.plan import read_plan
from dollygrip_backend.predictor.settling import Context, settle

PICTURES = Path(__file__).parents[2] / "data" / "pictures"
VIEW = 60  # degrees across the picture
LEFT, RIGHT = (0.2, 0.5), (0.8, 0.5)


def heading(across: float, view: float = VIEW) -> float:
    """Degrees to the right of the reference's axis."""
    return float(np.degrees(np.arctan((2 * across - 1) * np.tan(np.radians(view / 2)))))


@pytest.mark.parametrize(
    "prompt, notation, parts",
    [
        (
            "Pan left to the window, then pan right to the door.",
            "pan_left > pan_right",
            ["Pan left to the window", "pan right to the door."],
        ),
        (
            "push in on her and then tilt up to the sky before you pan to the tree",
            "dolly_in > tilt_up > pan_right",
            ["push in on her", "tilt up to the sky", "you pan to the tree"],
        ),
        ("pan from the sofa to the plant", "pan_right", ["pan to the plant"]),
        ("start on the sofa, then pan over to the plant", "pan_right", ["pan over to the plant"]),
        ("tilt up from her shoes to her face", "tilt_up", ["tilt up to her face"]),
        ("pan right to the plant", "pan_right", []),
        ("pan from left to right", "pan_right", []),
        ("push in on the cat, then pull back", "dolly_in > dolly_out", []),
        ("pan left 20 degrees, then push in on the cat", "pan_left:20deg > dolly_in", []),
    ],
)
def test_what_is_read_by_itself(prompt, notation, parts):
    assert parts_of(prompt, read_plan(notation)) == parts


def ends(notation: str, *parts: tuple[str, Found | None], thing: Found | None = None) -> list[float]:
    """Degrees to the right at which each third of a shot of up to three phases ends."""
    plan, first = going_there(read_plan(notation), thing, [(read_plan(own), found) for own, found in parts])
    context = Context(view_degrees=VIEW, subject=first.place if first else None)
    plan = settle(attrs.evolve(plan, toward=first is not None), context, np.random.default_rng(0))
    yaw = np.degrees(plan_channels(plan, context, samples=301)[:, 3])
    return [float(yaw[round(end * 300)]) for end in plan.ends]


@given(st.floats(0.02, 0.25), st.floats(0.7, 0.98))
def test_each_turn_ends_facing_its_own_thing(left, right):
    at = ("pan_left", Found((left, 0.5))), ("pan_right", Found((right, 0.5)))
    assert ends("pan_left > pan_right", *at) == pytest.approx([heading(left), heading(right)], abs=0.01)
    rested = ends("pan_left > pause > pan_right", *at)
    assert rested == pytest.approx([heading(left), heading(left), heading(right)], abs=0.01)


def test_parts_told_backwards_are_those_of_their_moves():
    """ "before you pan right to the door, pan left to the window": by the ways, each to its own."""
    backwards = ends("pan_left > pan_right", ("pan_right", Found(RIGHT)), ("pan_left", Found(LEFT)))
    assert backwards == pytest.approx([heading(LEFT[0]), heading(RIGHT[0])], abs=0.01)


def test_what_is_not_surely_there_or_on_the_other_side_is_not_turned_to():
    usual = ends("pan_left > pan_right", ("pan_left", Found(LEFT)))
    for other in (None, Found(None), Found(RIGHT, sure=False), Found(RIGHT, named=-1.0), Found(RIGHT, words="It")):
        assert ends("pan_left > pan_right", ("pan_left", Found(LEFT)), ("pan_right", other)) == usual
    beyond = ends("pan_left > pan_right", ("pan_left", Found(LEFT)), ("pan_right", Found((0.05, 0.5))))
    assert beyond == usual and usual[1] > usual[0] + 10


def test_a_part_that_asks_for_more_or_less_than_a_phase_is_none_of_its():
    usual = ends("pan_left > pan_right", ("pan_left", Found(LEFT)))
    for own in ("pan_right + zoom_in", "tilt_up", "static", "pan_right > pan_left"):
        assert ends("pan_left > pan_right", ("pan_left", Found(LEFT)), (own, Found(RIGHT))) == usual


def test_numbers_stay_numbers():
    at = ("pan_left", Found(LEFT)), ("pan_right", Found(RIGHT))
    assert np.diff(ends("pan_left > pan_right:10deg", *at)) == pytest.approx([10], abs=0.01)


@pytest.mark.parametrize(
    "name, prompt, across",
    [
        ("friends", "pan left to the person on the left, then pan right to the person on the right", (0.18, 0.735)),
        ("loft", "pans left to the man, then pans back right to the dog", (0.135, 0.68)),
        ("loft", "pan from the dog to the man", (0.135,)),
        ("friends", "start on the guy on the left and pan right to the woman on the right", (0.735,)),
    ],
)
def test_a_camera_goes_from_one_thing_to_the_next(shipped, name, prompt, across):
    picture = read_image(PICTURES / f"{name}.jpg")
    for take in shipped(picture, prompt, takes=2, view_degrees=VIEW):
        yaw = components(take)[:, 0]
        assert yaw[-1] == pytest.approx(heading(across[-1]), abs=4)
        if len(across) > 1:
            assert yaw.min() == pytest.approx(heading(across[0]), abs=4)


@given(st.floats(0.02, 0.98), st.integers(0, 5))
def test_a_truck_of_no_said_way_goes_to_the_side_of_its_thing(across, seed):
    plan = attrs.evolve(read_plan("truck_left"), toward=True)
    [phase] = plan.phases
    plan = attrs.evolve(plan, phases=(attrs.evolve(phase, moves=(attrs.evolve(phase.moves[0], way="either"),)),))
    settled = settle(plan, Context(view_degrees=VIEW, subject=(across, 0.5)), np.random.default_rng(seed))
    if abs(heading(across)) > 4:
        assert settled.phases[0].moves[0].way == ("right" if across > 0.5 else "left")
