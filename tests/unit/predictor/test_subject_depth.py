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


@pytest.mark.parametrize("shift", [(0.3, 0.0), (-0.2, 0.1)])
def test_a_shifted_lens_sees_its_subject_elsewhere(pipe, shift):
    """The picture of a lens shifted so that a subject on its axis is far from the middle: the orbit is the same."""
    centre = 0.5 + shift[0], 0.5 + shift[1]
    depth = np.full((180, 320), 10.0, np.float32)
    asked = {"view_degrees": 60, "depth": depth, "subject_depth": 4.0, "frames": 21}
    [straight] = pipe(IMAGE, "orbit left 60 degrees", subject=(0.5, 0.5), **asked)
    [shifted] = pipe(IMAGE, "orbit left 60 degrees", subject=centre, centre=centre, size=(640, 360), **asked)
    np.testing.assert_allclose(shifted.c2w, straight.c2w, atol=1e-6)
    np.testing.assert_allclose(shifted.intrinsics[:, 2:], np.tile(np.array(centre) * (640, 360), (21, 1)))
    assert shifted.meta["reference"]["intrinsics"][2:] == pytest.approx(shifted.intrinsics[0, 2:])


def test_a_depth_that_is_none_is_refused(pipe):
    with pytest.raises(InputError, match="subject's depth"):
        pipe(IMAGE, "orbit left", subject=(0.5, 0.5), subject_depth=-1.0)
