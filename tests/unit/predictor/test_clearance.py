"""Room to move: distances to what the reference view shows."""

import numpy as np
import pytest

from dollygrip_backend.predictor.clearance import clearance, visible_points


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
