"""A subject whose depth is known: an orbit goes around it, whatever the picture's own depth is there."""

import numpy as np
import pytest

from dollygrip.errors import InputError
from dollygrip_backend.predictor import CameraPipeline

IMAGE = np.random.default_rng(1).integers(0, 255, (180, 320, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def pipe() -> CameraPipeline:
    return CameraPipeline.from_pretrained(CameraPipeline.shipped())


@pytest.mark.parametrize("far", [1.5, 4.0, 30.0])
def test_an_orbit_goes_around_the_subject_at_its_depth(pipe, far):
    depth = np.full((180, 320), 10.0, np.float32)
    [take] = pipe(IMAGE, "orbit left 60 degrees", view_degrees=60, depth=depth, subject=(0.5, 0.5), subject_depth=far)
    subject = np.array([0.0, 0.0, far])
    seen = np.einsum("tji,tj->ti", take.rotations, subject - take.positions)  # in camera axes
    off_axis = np.degrees(np.arccos(seen[:, 2] / np.linalg.norm(seen, axis=1)))
    assert off_axis.max() < 5
    assert np.linalg.norm(seen, axis=1) == pytest.approx(np.full(len(take), far), rel=0.1)
    turned = np.degrees(np.arccos(take.rotations[-1, 2, 2]))
    assert turned == pytest.approx(60, abs=6)


def test_a_depth_that_is_none_is_refused(pipe):
    with pytest.raises(InputError, match="subject's depth"):
        pipe(IMAGE, "orbit left", subject=(0.5, 0.5), subject_depth=-1.0)
