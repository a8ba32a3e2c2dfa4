"""Along a drawn path the plan's own timing counts: rests are rests, fast is fast, and the end is always reached."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.predictor.pacing import pace, to_the_end
from dollygrip_backend.predictor.plan import read_plan

T = np.linspace(0, 1, 401)
PHASES = ["pause", "static @slow", "dolly_in", "dolly_in:half", "truck_left @fast", "pan_left", "zoom_in @whip"]


def gone(plan: str) -> np.ndarray:
    return pace(to_the_end(read_plan(plan)))(T)


@given(st.lists(st.sampled_from(PHASES), min_size=1, max_size=4))
def test_every_plan_walks_from_end_to_end_and_never_back(phases):
    way = gone(" > ".join(phases))
    assert way[0] == 0 and way[-1] == pytest.approx(1) and np.diff(way).min() > -1e-12


@given(st.lists(st.sampled_from([phase for phase in PHASES if phase != "static @slow"]), min_size=1, max_size=4))
def test_the_camera_starts_from_rest_and_comes_to_rest(phases):
    speed = np.diff(gone(" > ".join(phases)))
    assert max(speed[0], speed[-1]) < 0.05 * speed.max()


def test_slow_then_fast():
    way = gone("dolly_in @slow > dolly_in @fast")
    assert way[200] == pytest.approx(0.2, abs=0.03)
    assert np.diff(way)[300] > 3.5 * np.diff(way)[100]


def test_a_pause_halfway_is_a_rest_halfway():
    way = gone("dolly_in > pause > dolly_in")
    resting = T[1:][np.diff(way) < 1e-9]
    assert np.ptp(resting) > 0.03 and way[np.searchsorted(T, resting.mean())] == pytest.approx(0.5, abs=0.01)
    assert np.abs(np.diff(way, 2)).max() < 0.3 * np.diff(way).max(), "no jerks into the rest"


def test_after_half_the_way_and_a_pause_the_rest_is_walked():
    plan = to_the_end(read_plan("dolly_in:half > pause"))
    way = pace(plan)(T)
    assert len(plan.phases) == 3 and way[np.searchsorted(T, 1.2 / 2.4)] == pytest.approx(0.5, abs=0.03)


def test_words_that_only_look_walk_on_and_words_that_look_first_wait():
    assert gone("pan_left > tilt_up")[200] == pytest.approx(0.5, abs=0.01)
    way = gone("pan_left > dolly_in")
    assert way[150] < 1e-9 and way[300] == pytest.approx(0.5, abs=0.02)


def test_without_half_a_way_before_a_pause_nothing_is_added():
    for plan in ("dolly_in > pause", "dolly_in:half", "pan_left > pause", "static"):
        assert to_the_end(read_plan(plan)) == read_plan(plan)
