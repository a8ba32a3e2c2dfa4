"""How far a picture carries a move: what of a camera's frames it shows."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.predictor.coverage import ENOUGH, coverage, reach, surface_points
from dollygrip_backend.predictor.motion import CHANNELS, FOCAL, ROLL, YAW, X, Z, plan_channels
from dollygrip_backend.predictor.plan import read_plan
from dollygrip_backend.predictor.reference import Reference
from dollygrip_backend.predictor.settling import settle

IMAGE = np.zeros((90, 160, 3), np.uint8)
CELL = 1 / 12


def camera(channel: int, value: float) -> np.ndarray:
    out = np.zeros((1, CHANNELS))
    out[0, channel] = value
    return out


def covered(channel: int, value: float, reference: Reference) -> float:
    return coverage(camera(channel, value), surface_points(reference), reference)


@given(st.floats(-0.4, 0.4), st.floats(0.5, 20))  # beyond that the wall's middle is seen from another side
def test_beside_a_wall_the_border_moves_by_the_way_over_its_width(way, distance):
    wall = Reference.of(IMAGE, view_degrees=90, depth=np.full(IMAGE.shape[:2], distance))
    assert covered(X, way, wall) == pytest.approx(1 - abs(way) / 2, abs=CELL)


def test_what_is_seen_from_another_side_is_not_in_the_picture():
    wall = Reference.of(IMAGE, view_degrees=60, depth=np.full(IMAGE.shape[:2], 1.0))
    for degrees, seen in ((20, True), (35, False)):
        angle = np.radians(degrees)
        about_its_middle = camera(X, -np.sin(angle)) + camera(Z, 1 - np.cos(angle)) + camera(YAW, angle)
        assert (coverage(about_its_middle, surface_points(wall), wall) > 0.5) == seen


@given(st.floats(0, 89), st.booleans())
def test_a_pan_leaves_what_both_views_share_however_far_it_is(degrees, sky):
    view = Reference.of(IMAGE, view_degrees=90, depth=np.full(IMAGE.shape[:2], np.inf) if sky else None)
    shared = (1 - np.tan(np.radians(degrees - 45))) / 2  # of the frame's middle row; its ends fan out
    assert covered(YAW, np.radians(degrees), view) <= shared + CELL
    assert covered(YAW, np.radians(degrees), view) >= 0.75 * shared - CELL


def test_what_comes_nearer_stays_covered_and_a_wider_lens_sees_past_the_picture():
    reference = Reference.of(IMAGE)
    assert coverage(np.zeros((1, CHANNELS)), surface_points(reference), reference) == 1
    assert covered(Z, 0.6, reference) == 1
    assert covered(FOCAL, np.log(3), reference) == 1
    assert covered(FOCAL, -np.log(2), reference) == pytest.approx(1 / 4, abs=1.5 * CELL)  # cells in part count whole


def test_a_shifted_lens_and_a_portrait_start_covered():
    for image, centre in ((IMAGE, (0.3, 0.7)), (IMAGE.transpose(1, 0, 2), (0.5, 0.5))):
        reference = Reference.of(image, centre=centre)
        assert coverage(np.zeros((1, CHANNELS)), surface_points(reference), reference) == 1
        assert covered(ROLL, np.radians(2), reference) > 0.85


@given(st.sampled_from(["pan_left", "tilt_up", "truck_right", "pedestal_up", "dolly_out", "zoom_out"]), st.booleans())
def test_a_move_of_middling_size_keeps_enough_of_the_picture(name, floor):
    depth = np.full(IMAGE.shape[:2], 4.0)
    if floor:
        depth[45:] = 4.0 / np.linspace(1, 6, 45)[:, None]
    reference = Reference.of(IMAGE, depth=depth)
    context = reference.context(None, 1.0, 3.4, 1.0)
    share = reach(read_plan(name), context, reference, 1.0)
    channels = plan_channels(settle(read_plan(name), attrs.evolve(context, reach=share), None), context)
    assert coverage(channels[-1:], surface_points(reference), reference) >= ENOUGH or share == 0.5


@pytest.mark.parametrize(
    "name", ["pan_left:120deg", "static", "roll_clockwise", "zoom_in", "dolly_in", "truck_left:2m"]
)
def test_what_numbers_ask_and_what_the_picture_carries_is_not_held_back(name):
    reference = Reference.of(IMAGE)
    assert reach(read_plan(name), reference.context(None, 1.0, 3.4, 1.0), reference, 1.0) == 1


def test_after_a_turn_that_a_number_asks_the_rest_goes_as_far_as_it_would():
    reference = Reference.of(IMAGE)
    context = reference.context(None, 1.0, 3.4, 1.0)
    assert reach(read_plan("pan_left:90deg > dolly_in"), context, reference, 1.0) == 1
    assert reach(read_plan("pan_left > dolly_in:half"), context, reference, 1.0) < 1


def test_words_and_strength_still_tell():
    reference = Reference.of(IMAGE)

    def amount(text: str, strength: float = 1.0) -> float:
        context, plan = reference.context(None, 1.0, 3.4, strength), read_plan(text)
        context = attrs.evolve(context, reach=reach(plan, context, reference, 1.0))
        return settle(plan, context, None).phases[0].moves[0].asked.value

    plain = amount("pan_left")
    assert amount("pan_left:large") == pytest.approx(1.6 * plain)
    assert amount("pan_left", strength=2.0) == pytest.approx(2 * plain)
    assert amount("pan_left @slow") == pytest.approx(0.65 * plain)
    assert amount("pan_left:small") < 0.7 * plain
