"""What words say of speed: how it changes, that it is even, and zooms that crash in; and that takes keep to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.evaluation.judge import components
from dollygrip_backend.predictor.plan import read_plan
from dollygrip_backend.predictor.settling import Context, draw_amount, settle
from dollygrip_backend.predictor.tempos import paced

GREY = np.full((64, 96, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("plan", "prompt", "said"),
    [
        ("dolly_in", "push in, accelerating", "dolly_in @accelerating"),
        ("dolly_in @slow", "the push gathers speed", "dolly_in @accelerating"),
        ("dolly_in @fast", "starts fast and slows down", "dolly_in @slowing"),
        ("pan_left > tilt_up", "pan left, then tilt up and come to a soft stop", "pan_left > tilt_up @slowing"),
        ("dolly_in", "push in with ease-in and ease-out", "dolly_in"),
        ("dolly_in @constant", "track in evenly, don't speed up", "dolly_in @constant"),
        ("dolly_in", "push in without speeding up", "dolly_in"),
        ("dolly_in:small", "ease in on the violin", "dolly_in:small"),
        ("zoom_in @fast", "crash zoom on his eyes", "zoom_in:large @whip"),
        ("zoom_out > zoom_in @fast", "widen, and then a crash zoom in", "zoom_out > zoom_in:large @whip"),
        ("zoom_in @fast", "a fast zoom", "zoom_in @fast"),
        ("zoom_in", "not a crash zoom, an ordinary one", "zoom_in"),
        ("tilt_down @fast", "rapid tilt down to the brake pedal", "tilt_down @fast"),
        ("dolly_in", "push in slow then fast", "dolly_in @accelerating"),
        ("dolly_in @slow", "move slowly at first, fast at the end", "dolly_in @accelerating"),
        ("dolly_in @fast", "quick at first, then slow", "dolly_in @slowing"),
        ("dolly_in @slow > dolly_in @fast", "creep in, then charge", "dolly_in @accelerating"),
        ("pan_left:30deg @slow > pan_left:30deg @fast", "30 and 30", "pan_left 30° @slow > pan_left 30° @fast"),
        ("truck_left", "slide left, linear, no easing", "truck_left @constant"),
        ("truck_left", "slide left past the robotic arm", "truck_left"),
        ("pan_left @fast", "a medium-speed pan to the left", "pan_left"),
        ("pan_left @whip", "whip pan like a robot", "pan_left @whip"),
    ],
)
def test_words_say_how_fast(plan, prompt, said):
    assert str(paced(read_plan(plan), prompt)) == said


@given(st.text(max_size=80), st.sampled_from(["pause > pan_left", "dolly_in > pan_left", "static", "zoom_in @fast"]))
def test_any_text_leaves_the_moves_alone(text, notation):
    plan = read_plan(notation)
    heard = paced(plan, text)
    names = [[[move.name for move in phase.moves] for phase in either.phases] for either in (heard, plan)]
    assert names[0] == names[1]


def test_slower_than_slow_goes_less_far():
    def amount(notation, prompt=""):
        return settle(paced(read_plan(notation), prompt), Context(), None).phases[0].moves[0].asked.value

    slow = amount("dolly_in @slow", "slow push in")
    for prompt in ("extremely slow push in", "glacial push in", "push in at a snail's pace"):
        assert 0.5 * slow < amount("dolly_in @slow", prompt) < 0.7 * slow


def test_what_travels_fast_for_long_goes_farther_and_other_fast_moves_are_soon_over(shipped, speed_of):
    usual, long = (shipped(GREY, "fast tracking shot right", frames=frames)[0] for frames in (81, 240))
    assert components(long)[-1, 3] > 1.3 * components(usual)[-1, 3]
    for prompt, axis, least, most in (("fast tracking shot right", 3, 80, 240), ("fast pan right", 0, 10, 80)):
        speed = speed_of(prompt, axis, frames=240)
        assert least < np.ptp(np.flatnonzero(speed > 0.05 * speed.max())) < most


def test_an_orbit_is_seen_to_go_around_however_little_the_picture_carries():
    [orbit] = read_plan("orbit_left @slow").phases[0].moves
    assert draw_amount(orbit, Context(reach=0.2), np.random.default_rng(0)) == 20
    assert draw_amount(orbit, Context(reach=0.2, room=0.1), np.random.default_rng(0)) < 5  # unless it would collide


def test_a_whip_is_over_in_a_blink_and_goes_far(speed_of):
    for prompt, axis, least in (("whip pan right", 0, 30.0), ("crash zoom in", 6, 0.3)):
        speed = speed_of(prompt, axis)
        moving = np.flatnonzero(speed > 0.05 * speed.max())
        assert np.ptp(moving) <= 14 and speed.sum() > least


def test_a_whip_comes_when_the_rest_before_it_is_over(speed_of):
    speed = speed_of("hold for one second, then whip pan left", 0)
    assert 24 <= np.flatnonzero(speed > 0.05 * speed.max())[0] <= 29


@pytest.mark.parametrize(
    ("prompt", "grows"), [("dolly in, accelerating", True), ("dolly in, slowing to a stop", False)]
)
def test_speed_grows_or_falls(speed_of, prompt, grows):
    speed = speed_of(prompt, 5)
    first, last = speed[:30].sum(), speed[-30:].sum()
    assert (last > 2 * first) if grows else (first > 2 * last)
