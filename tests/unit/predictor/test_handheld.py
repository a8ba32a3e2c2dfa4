"""A hand-held camera sways visibly, starts at the reference, and still obeys what it is asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip.physics import SWAY_DEGREES, SWAY_TRAVEL
from dollygrip.rotations import rotvec_from_matrix
from dollygrip_backend.evaluation.judge import judge
from dollygrip_backend.predictor.constraints import Constraints, Keyframe
from dollygrip_backend.predictor.handheld import held, sway
from dollygrip_backend.predictor.plan import read_plan

GREY = np.full((64, 96, 3), 128, np.uint8)


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.floats(0, 1))
def test_a_sway_starts_at_the_reference_and_leaves_the_lens_alone(seed, frames, amount):
    out = sway(frames, (frames - 1) / 24, amount, np.random.default_rng(seed))
    assert out.shape == (frames, 7) and np.isfinite(out).all()
    assert np.all(out[0] == 0) and np.all(out[:, 6] == 0)
    np.testing.assert_allclose(out, amount * sway(frames, (frames - 1) / 24, 1.0, np.random.default_rng(seed)))
    assert np.all(np.isfinite(sway(frames, (frames - 1) / 24, 3 * amount, np.random.default_rng(seed))))


def test_a_sway_is_as_wide_as_said_and_no_quicker_in_a_short_shot():
    spread = np.concatenate([SWAY_TRAVEL, np.radians(SWAY_DEGREES)])
    for seconds in (4, 60):
        shots = [sway(24 * seconds + 1, seconds, 1.0, np.random.default_rng(seed))[:, :6] for seed in range(30)]
        np.testing.assert_allclose(np.mean([shot.std(0) for shot in shots], 0), spread, rtol=0.25)
        speed = np.mean([np.abs(np.diff(shot[24:], axis=0)).mean(0) * 24 / spread for shot in shots])
        assert 2 < speed < 6  # spreads a second


@pytest.mark.parametrize(
    ("prompt", "expect"),
    [
        ("handheld shot", ["handheld"]),
        ("shaky handheld camera", ["handheld"]),
        ("handheld, dolly in", ["dolly_in", "handheld"]),
        ("pan left, hand-held", ["pan_left", "handheld"]),
    ],
)
def test_hand_held_takes_sway_and_obey(shipped, prompt, expect):
    for take in shipped(GREY, prompt, takes=4):
        verdict = judge(take, expect)
        assert verdict.obeyed, verdict.reason


def test_a_shaky_camera_sways_more_and_one_without_strength_not_at_all(shipped):
    def swing(prompt, **options):
        [take] = shipped(GREY, prompt, **options)
        return np.ptp(take.rotations[:, 1, 2])

    assert swing("shaky handheld camera") > 1.5 * swing("handheld shot") > 0
    assert swing("handheld shot", strength=0.0) == 0


def test_a_hand_held_camera_meets_its_keyframes(shipped):
    key = Keyframe(40, np.array([0.1, 0.0, 0.3]), np.eye(3))
    [take] = shipped(GREY, "handheld, dolly in", constraints=Constraints((key,)))
    np.testing.assert_allclose(take.positions[40], key.position, atol=1e-6)
    np.testing.assert_allclose(take.rotations[40], key.rotation, atol=1e-6)


@pytest.mark.parametrize(
    ("prompt", "amount"),
    [
        ("push in with no camera shake", 0.0),
        ("smooth, shake-free push in", 0.0),
        ("handheld push in", 1.0),
        ("no tripod just handheld", 1.0),
        ("a slight handheld sway", 0.5),
        ("violent camera shake", 3.0),
        ("earthquake, the camera shakes", 3.0),
    ],
)
def test_words_say_how_much_a_camera_sways(prompt, amount):
    assert held(read_plan("dolly_in + handheld"), prompt).handheld == amount
    assert held(read_plan("dolly_in"), prompt).handheld == 0


@pytest.mark.parametrize(
    ("prompt", "last"),
    [
        ("push in, then go handheld", True),
        ("pan left, finally a shaky push in", True),
        ("dolly in for the first half, and for the second half the camera trembles", True),
        ("handheld push in, then hold", False),
        ("shaky camera: pan left, then tilt up", False),
    ],
)
def test_a_sway_that_comes_last_leaves_what_is_before_it_steady(shipped, prompt, last):
    [take] = shipped(GREY, prompt, frames=97)
    assert ("+ handheld >" in take.meta["plan"]) == (not last)
    begins = round(96 * take.meta["phase_ends"][-2])
    turned = np.degrees(rotvec_from_matrix(np.swapaxes(take.rotations[:-1], 1, 2) @ take.rotations[1:]))
    assert (np.abs(turned[: begins - 1, 2]).max() < 1e-3) == last, "of roll, which no move asks"
    assert np.abs(turned[begins:, 2]).max() > 0.01


def test_a_camera_that_sways_at_last_obeys(shipped):
    [take] = shipped(GREY, "push in for the first half, for the second half go handheld", frames=145)
    assert judge(take, ["dolly_in", "handheld"], ordered=True).obeyed
    assert not judge(take, ["handheld", "dolly_in"], ordered=True).obeyed
    [steady] = shipped(GREY, "push in for the first half, then hold", frames=145)
    assert not judge(steady, ["dolly_in", "handheld"], ordered=True).obeyed


def test_along_a_path_a_sway_that_comes_last_is_one_too(shipped):
    """Also where the words name one way along it and nothing after."""
    path = Constraints(path=np.array([[0, 0, 0], [0, 0, 1.0], [0.5, 0, 2.0]]))
    for prompt in ("go along it, then handheld", "push in, then go handheld", "hold, then shake"):
        [take] = shipped(GREY, prompt, frames=49, constraints=path)
        assert np.isfinite(take.c2w).all()
