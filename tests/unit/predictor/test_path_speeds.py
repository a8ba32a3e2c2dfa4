"""Speed along a drawn path: what words say of it, place by place, and how the camera then goes."""

import numpy as np
import pytest

from dollygrip_backend.predictor import Constraints
from dollygrip_backend.predictor.path_speeds import Speeds, at_speeds, said_speeds
from dollygrip_backend.predictor.plan import Amount, read_plan

GREY = np.full((36, 64, 3), 128, np.uint8)
PLAIN = "plain", "plain", "plain"


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("slow in the middle", Speeds(("plain", "slow", "plain"), "", None, "")),
        ("go faster at the start", Speeds(("fast", "plain", "plain"), "", None, "")),
        ("fast, slow in the middle, fast again", Speeds(("fast", "slow", "fast"), "", None, "")),
        ("start slow and end fast", Speeds(("slow", "plain", "fast"), "", None, "")),
        ("in the middle it goes slowly", Speeds(("plain", "slow", "plain"), "", None, "")),
        ("look ahead, speed up towards the end", Speeds(("plain", "plain", "fast"), "", None, "look ahead")),
        ("stop halfway for two seconds", Speeds(PLAIN, "middle", Amount(2.0, "seconds"), "")),
        ("slow down in the middle, stop at the end", Speeds(("plain", "slow", "plain"), "end", None, "")),
        ("hold for one second, then go, slow halfway", Speeds(("plain", "slow", "plain"), "", None,
                                                             "hold for one second, then go")),
    ],
)  # fmt: skip
def test_speeds_are_heard_at_their_places(prompt, said):
    assert said_speeds(prompt) == said


@pytest.mark.parametrize(
    "prompt",
    [
        "slowly",
        "push in halfway",
        "go halfway, then pause",
        "look back halfway",
        "the man in the middle walks slowly, look ahead",
        "at the start the red car races past",
        "accelerating",
        "",
    ],
)
def test_what_says_no_speed_at_a_place_is_left_to_the_reader(prompt):
    assert said_speeds(prompt) is None


def test_a_phase_keeps_its_time_when_it_is_parted():
    plan = read_plan("pause > dolly_in")
    parted = at_speeds(plan, said_speeds("slow in the middle"))
    assert str(parted) == "pause > dolly_in > dolly_in @slow > dolly_in"
    assert parted.ends[0] == plan.ends[0] and parted.ends[-1] == 1
    assert str(at_speeds(plan, said_speeds("wait at the start"))) == "pause > pause > dolly_in"


@pytest.mark.parametrize("plan", ["pan_left", "pan_left + dolly_in", "dolly_in > dolly_out", "static"])
def test_what_turns_or_turns_back_is_not_done_three_times(plan):
    plan = read_plan(plan)
    assert at_speeds(plan, said_speeds("slow in the middle")) == plan


@pytest.mark.parametrize(
    ("prompt", "fastest", "slowest"),
    [
        ("slow in the middle", (0, 2), (1,)),
        ("fast, slow in the middle, fast again", (0, 2), (1,)),
        ("look ahead, slow at the start", (1, 2), (0,)),
        ("speed up halfway", (1,), (0, 2)),
        ("start fast, slow down near the end", (0,), (2,)),
    ],
)
def test_the_shipped_predictor_goes_so_fast_at_its_places(shipped, prompt, fastest, slowest):
    path = np.linspace([0, 0, 0], [0.2, 0, 0.6], 20)
    [take] = shipped(GREY, prompt, constraints=Constraints(path=path))
    speed = np.linalg.norm(np.diff(take.positions, axis=0), axis=1)
    assert np.allclose(take.positions[-1], path[-1], atol=1e-6)
    thirds = np.array([np.median(part) for part in np.array_split(speed, 3)])
    assert thirds[list(fastest)].min() > 1.5 * thirds[list(slowest)].max()


def test_the_shipped_predictor_stops_halfway_for_as_long_as_it_is_told(shipped):
    path = np.linspace([0, 0, 0], [0.2, 0, 0.6], 20)
    [take] = shipped(GREY, "stop in the middle for one second", constraints=Constraints(path=path))
    gone = np.linalg.norm(take.positions, axis=1) / np.linalg.norm(path[-1])
    resting = np.abs(np.gradient(gone)) < 1e-6
    assert 18 <= resting[10:-10].sum() <= 26, "about one second of 24 frames, with its ramps"
    assert np.allclose(gone[10:-10][resting[10:-10]], 0.5, atol=0.02)
