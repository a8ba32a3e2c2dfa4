"""The scale of a reference view: what its surfaces say, however much sky there is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.predictor.reference import Reference

IMAGE = np.zeros((90, 160, 3), np.uint8)


@given(st.integers(0, 89), st.floats(0.2, 50))
def test_sky_changes_no_scale(rows, depth):
    view = np.full(IMAGE.shape[:2], depth)
    view[:rows] = np.inf
    reference = Reference.of(IMAGE, depth=view)
    assert reference.scene_depth == pytest.approx(depth)
    assert reference.unit(None) == pytest.approx(1)
    assert reference.unit((0.5, 0.99)) == pytest.approx(1)
    assert np.isfinite(reference.points).all()


def test_a_thin_subject_against_the_sky_has_its_own_depth():
    view = np.full(IMAGE.shape[:2], np.inf)
    view[60:] = 10
    view[20:60, 79:82] = 5  # a mast, narrower than the window that looks at it
    assert Reference.of(IMAGE, depth=view).unit((0.5, 0.4)) == pytest.approx(0.5)


def test_nothing_but_sky_is_as_far_as_a_view_without_a_depth():
    assert Reference.of(IMAGE, depth=np.full(IMAGE.shape[:2], np.inf)).scene_depth == 1


@given(st.floats(0.01, 0.49), st.booleans())
def test_a_subject_that_may_be_in_several_places_is_as_far_as_the_likelier_half(less, sky):
    view = np.full(IMAGE.shape[:2], 10.0)
    view[:, :80] = 5
    likely = np.full((16, 24), 1e-6)
    likely[10, 3], likely[12, 20] = 1 - less, less
    if sky:
        view[:45], likely[:8] = np.inf, 1  # no thing is the sky
    reference = Reference.of(IMAGE, depth=view, scene_depth=10.0)
    assert reference.likely_unit(likely) == pytest.approx(0.5)
    assert reference.likely_unit(likely[:, ::-1]) == pytest.approx(1)
    assert Reference.of(IMAGE, depth=np.full(IMAGE.shape[:2], np.inf)).likely_unit(likely) == 1


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(0.2, 3.0), st.floats(20, 100), st.floats(0.3, 0.7))
def test_a_subjects_point_is_seen_where_the_subject_is(x, y, unit, view, centre):
    reference = Reference.of(np.zeros((60, 100, 3), np.uint8), view, 2.0, centre=(centre, 0.5))
    right, down, forward = reference.point((x, y), unit)
    focal, _, cx, cy = reference.trajectory(np.zeros((2, 7)), 24.0, None, {}).intrinsics[0]
    assert (right / forward * focal + cx, down / forward * focal + cy) == pytest.approx((x * 100, y * 60))
    assert forward == pytest.approx(2 * unit)
