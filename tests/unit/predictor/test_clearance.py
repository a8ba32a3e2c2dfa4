"""Room to move: distances to what the reference view shows."""

import numpy as np
import pytest

from dollygrip_backend.predictor.clearance import clearance, visible_points
from dollygrip_backend.predictor.drafts import storyboard
from dollygrip_backend.predictor.plan import read_plan
from dollygrip_backend.predictor.reference import Reference


def test_points_lie_where_the_depth_says():
    depth = np.full((60, 120), 3.0)
    depth[:10] = np.inf
    points = visible_points(depth, 90.0)
    assert np.all(points[:, 2] == 3.0)
    assert np.abs(points[:, 0]).max() == pytest.approx(3.0, rel=0.02)  # half of 90 degrees: as far aside as ahead
    assert len(points) == 50 * 120


def test_walking_to_a_wall_comes_close_to_it_and_walking_away_does_not():
    points = visible_points(np.full((64, 96), 2.0), 60.0)
    ahead = np.linspace(0, 1, 30)[:, None] * [0, 0, 1]
    assert clearance(1.8 * ahead, points) == pytest.approx(0.2, abs=0.02)
    assert clearance(-1.8 * ahead, points) == np.inf
    assert clearance(1.8 * ahead, np.zeros((0, 3))) == np.inf


def test_a_number_that_leaves_no_room_does_not_take_the_way_from_other_moves():
    depth = np.full((32, 48), 2.0)
    depth[4:28, 8:40] = 1.0  # a full circle about this goes through what stands behind it
    reference = Reference.of(np.zeros((32, 48, 3), np.uint8), 50.0, None, depth)
    context = reference.context((0.5, 0.5), 0.8, 3.4, 1.0)
    _, channels = storyboard(read_plan("pedestal_up > orbit_right:360deg"), context, reference, 0.8, (0, 0))
    _, free = storyboard(read_plan("pedestal_up"), context, reference, 0.8, (0, 0))
    assert np.ptp(channels[:, 1]) > 0.5 * np.ptp(free[:, 1]) > 0
