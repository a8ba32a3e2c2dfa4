"""The judge against cameras built by formula: the right ones pass, mirrored, drifting and jittering ones fail."""

import attrs
import numpy as np
import pytest

from dollygrip.errors import InputError
from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory
from dollygrip_backend.evaluation.judge import LEAST, MOVES, jerk, judge, orbit_hold

TIME = np.linspace(0, 1, 81)
EASE = TIME**3 * (10 - 15 * TIME + 6 * TIME**2)
AXIS = {
    "pan": (0, 1, 0),
    "tilt": (1, 0, 0),
    "roll": (0, 0, 1),
    "truck": (1, 0, 0),
    "pedestal": (0, -1, 0),
    "dolly": (0, 0, 1),
}
MIRROR = {"left": "right", "right": "left", "up": "down", "down": "up", "in": "out", "out": "in",
          "clockwise": "counterclockwise", "counterclockwise": "clockwise"}  # fmt: skip


def build(rotvec=None, position=None, ratio=None, depth=1.0) -> Trajectory:
    c2w = np.tile(np.eye(4), (81, 1, 1))
    if rotvec is not None:
        c2w[:, :3, :3] = matrix_from_rotvec(rotvec)
    if position is not None:
        c2w[:, :3, 3] = position * depth
    intrinsics = np.tile([500.0, 500, 320, 200], (81, 1))
    intrinsics[:, :2] *= np.ones((81, 1)) if ratio is None else ratio[:, None]
    return Trajectory(c2w, intrinsics, (640, 400), 24.0, depth)


def make(name: str, depth: float = 1.0) -> Trajectory:
    """A textbook camera for the move `name`: 30 degrees, 0.4 scene depths, 1.5x, an orbit of 60 degrees."""
    kind, sign = MOVES[name]
    if kind == "orbit":
        angle = (sign or 1) * np.radians(60) * EASE
        position = np.stack([-np.sin(angle), 0 * angle, 1 - np.cos(angle)], 1)
        return build(angle[:, None] * [0, 1, 0], position, depth=depth)
    if kind == "zoom":
        return build(ratio=1.5 ** (sign * EASE), depth=depth)
    if kind == "dolly_zoom":  # of a thing one scene depth away
        gone = 0.4 * sign * EASE
        return build(position=gone[:, None] * [0, 0, 1], ratio=1 - gone, depth=depth)
    if kind == "handheld":
        swings = np.sin(2 * np.pi * np.outer(TIME, [2, 3, 5])) * (1 - np.exp(-8 * TIME))[:, None]
        return build(np.radians(0.8) * swings, 0.003 * swings, depth=depth)
    amount = sign * EASE[:, None] * AXIS.get(kind, (0, 0, 0))
    return (
        build(np.radians(30) * amount, depth=depth)
        if kind in ("pan", "tilt", "roll")
        else build(position=0.4 * amount, depth=depth)
    )


@pytest.mark.parametrize("name", [n for n in MOVES if n not in ("static", "orbit")])
def test_each_textbook_move_passes_as_itself_and_as_nothing_else(name):
    take = make(name, depth=7.0)
    assert judge(take, [name]).obeyed, judge(take, [name]).reason
    passed = {other for other in MOVES if judge(take, [other]).obeyed}
    assert passed == ({name, "orbit"} if name.startswith("orbit") else {name})


@pytest.mark.parametrize("name", [n for n in MOVES if n not in ("static", "orbit", "handheld")])
def test_a_mirrored_move_is_named_as_such(name):
    stem, way = name.rsplit("_", 1)
    verdict = judge(make(f"{stem}_{MIRROR[way]}"), [name])
    assert not verdict.obeyed and "wrong way" in verdict.reason


def test_a_still_camera_must_be_still():
    assert judge(make("static"), ["static"]).obeyed
    jitter = np.random.default_rng(0).normal(0, 0.004, (81, 3))
    assert not judge(build(position=jitter), ["static"]).obeyed
    drift = build(np.radians(1.0) * EASE[:, None] * [0, 1, 0])
    assert "pan" in judge(drift, ["static"]).reason


def test_a_dolly_zoom_keeps_the_size_of_its_thing():
    lens, way = 1 / (1 + 0.4 * EASE), [0, 0, 1]
    assert judge(build(position=-0.4 * EASE[:, None] * way, ratio=1 + 0.4 * EASE), ["dolly_zoom_out"]).obeyed
    too_late = build(position=0.4 * EASE[:, None] * way, ratio=lens**0.2)
    assert "does not zoom against" in judge(build(position=0.4 * EASE[:, None] * way), ["dolly_zoom_in"]).reason
    late = 1 - 0.4 * np.clip(4 * TIME - 3, 0, 1)
    assert "size" in judge(build(position=0.4 * EASE[:, None] * way, ratio=late), ["dolly_zoom_in"]).reason
    assert judge(too_late, ["dolly_zoom_in"]).obeyed  # a thing far away


def test_a_hand_held_camera_sways_while_it_moves():
    swings = np.radians(0.4) * np.sin(2 * np.pi * np.outer(TIME, [2, 0, 3])) * (1 - np.exp(-8 * TIME))[:, None]
    pan = np.radians(30) * EASE[:, None] * [0, 1, 0]
    assert judge(build(pan + swings), ["pan_right", "handheld"]).obeyed
    assert "hardly sways" in judge(build(pan), ["pan_right", "handheld"]).reason
    assert "hardly sways" in judge(make("static"), ["handheld"]).reason
    assert not judge(make("handheld"), ["static"]).obeyed
    assert not judge(make("pan_right"), ["handheld"]).obeyed


def test_a_pan_must_not_travel_and_a_truck_must_not_turn():
    turn, travel = np.radians(30) * EASE[:, None] * [0, 1, 0], 0.4 * EASE[:, None] * [1, 0, 0]
    assert "truck" in judge(build(turn, travel), ["pan_right"]).reason
    assert "pan" in judge(build(turn, travel), ["truck_right"]).reason
    assert judge(build(turn, travel), ["pan_right", "truck_right"]).obeyed


@pytest.mark.parametrize(
    ("turn", "move"), [("pan_right", (0, 0, 1)), ("pan_right", (-2, 0, 0)), ("tilt_up", (0, 0, 1))]
)
def test_a_travel_after_a_turn_is_seen_whichever_way_it_goes(turn, move):
    first, second = np.clip(2 * TIME, 0, 1), np.clip(2 * TIME - 1, 0, 1)
    rotvec = np.radians(90) * first[:, None] * AXIS[MOVES[turn][0]]
    assert judge(build(rotvec), [turn]).obeyed
    assert "unasked" in judge(build(rotvec, second[:, None] * move), [turn]).reason


def test_turning_back_fails():
    there_and_back = np.sin(TIME * 2.6)
    verdict = judge(build(np.radians(30) * there_and_back[:, None] * [0, 1, 0]), ["pan_right"])
    assert "turns back" in verdict.reason


def test_an_orbit_must_hold_its_subject():
    angle = np.radians(60) * EASE
    held = make("orbit_left")
    assert orbit_hold(held)[0] < 0.5 and orbit_hold(held)[1] == pytest.approx(1.0, rel=0.05)
    straight = build(angle[:, None] * [0, 1, 0], np.stack([-2.5 * EASE, 0 * EASE, -1.5 * EASE], 1))
    assert "loses its subject" in judge(straight, ["orbit_left"]).reason


@pytest.mark.parametrize(
    "other", ["pedestal_up", "pedestal_down", "zoom_in", "tilt_up", "roll_clockwise", "dolly_in", "dolly_out"]
)
def test_an_orbit_must_hold_its_subject_beside_another_move(other):
    def beside(orbit: Trajectory) -> Trajectory:
        return attrs.evolve(make(other), c2w=orbit.c2w @ make(other).c2w)

    verdict = judge(beside(make("orbit_left")), ["orbit_left", other])
    assert verdict.obeyed, verdict.reason
    first, second = np.clip(2 * TIME, 0, 1)[:, None], np.clip(2 * TIME - 1, 0, 1)[:, None]
    late = build(np.radians(90) * first * [0, 1, 0], 0.6 * second * [0, 0, 1])  # turns, then goes to its left
    assert "loses its subject" in judge(beside(late), ["orbit_left", other]).reason


def test_amounts_are_met_within_their_tolerance():
    assert judge(make("pan_right"), ["pan_right"], {"pan_right": 33}).obeyed
    assert not judge(make("pan_right"), ["pan_right"], {"pan_right": 36}).obeyed
    assert judge(make("zoom_out"), ["zoom_out"], {"zoom_out": 1.6}).obeyed
    assert not judge(make("zoom_out"), ["zoom_out"], {"zoom_out": 2}).obeyed
    assert not judge(make("dolly_in"), ["dolly_in"], {"dolly_in": 0.5}).obeyed


def test_a_move_may_be_as_small_as_it_is_asked():
    rise = build(position=0.03 * EASE[:, None] * AXIS["pedestal"])
    assert judge(rise, ["pedestal_up"], {"pedestal_up": 0.03}).obeyed
    for asked in (None, {"pedestal_up": 0.3}):
        assert "hardly moves" in judge(rise, ["pedestal_up"], asked).reason
    assert "wrong way" in judge(rise, ["pedestal_down"], {"pedestal_down": 0.03}).reason


def test_order_is_seen_in_the_new_direction():
    first, second = np.clip(2 * TIME, 0, 1), np.clip(2 * TIME - 1, 0, 1)
    turn = np.radians(60) * first
    along = np.stack([np.sin(turn[-1]) * second, 0 * second, np.cos(turn[-1]) * second], 1)
    take = build(turn[:, None] * [0, 1, 0], 0.4 * along)
    assert judge(take, ["pan_right", "dolly_in"], ordered=True).obeyed
    assert "frames 0 to" in judge(take, ["dolly_in", "pan_right"], ordered=True).reason


def test_an_orbit_in_order_travels_by_itself():
    angle = -np.radians(15) * EASE
    orbit = build(angle[:, None] * [0, 1, 0], 1.3 * np.stack([-np.sin(angle), 0 * angle, 1 - np.cos(angle)], 1))
    away = build(position=-0.3 * EASE[:, None] * [1, 0, 0])
    back = build(position=0.3 * EASE[:, None] * [1, 0, 0])
    c2w = away.c2w
    for move in (back, orbit):
        c2w = np.concatenate([c2w, c2w[-1] @ move.c2w])
    take = Trajectory(c2w, np.tile(away.intrinsics, (3, 1)), away.size, 24.0, 1.0)
    verdict = judge(take, ["truck_left", "truck_right", "orbit_right"], ordered=True)
    assert verdict.obeyed, verdict.reason
    assert not judge(take, ["truck_left", "truck_right"], ordered=True).obeyed


def test_a_camera_may_go_and_come_back():
    first, second = np.clip(2 * TIME, 0, 1), np.clip(2 * TIME - 1, 0, 1)
    there = build(np.radians(30) * (first - second)[:, None] * [0, 1, 0])
    assert judge(there, ["pan_right", "pan_left"], {"pan_right": 30, "pan_left": 30}, ordered=True).obeyed
    assert not judge(there, ["pan_right", "pan_left"], {"pan_left": 20}, ordered=True).obeyed
    assert not judge(there, ["pan_left", "pan_right"], ordered=True).obeyed
    assert not judge(there, ["pan_right"], ordered=True).obeyed
    thrice = build(ratio=np.exp(0.4 * np.sin(1.5 * np.pi * TIME)))
    assert judge(thrice, ["zoom_in", "zoom_out", "zoom_in"], ordered=True).obeyed is False
    assert judge(thrice, ["zoom_in", "zoom_out"], ordered=True).obeyed


def test_a_push_may_turn_to_the_thing_that_it_goes_to():
    turn, travel = np.radians(9) * EASE[:, None] * [0, 1, 0], 0.4 * EASE[:, None] * [0, 0, 1]
    take = build(turn, travel)
    assert "pan" in judge(take, ["dolly_in"]).reason
    assert judge(take, ["dolly_in"], aside=(10.0, 0.0)).obeyed
    assert "pan" in judge(take, ["dolly_in"], aside=(0.0, 10.0)).reason
    assert "pan" in judge(take, ["dolly_in"], aside=(-10.0, 0.0)).reason
    down = build(position=EASE[:, None] * [0, 0.12, 0.4])
    assert (
        "pedestal" in judge(down, ["dolly_in"]).reason and "pedestal" in judge(down, ["dolly_in"], aside=(17, 0)).reason
    )
    assert judge(down, ["dolly_in"], aside=(0, -17)).obeyed
    assert "pedestal" in judge(down, ["dolly_in"], aside=(0, 17)).reason


def test_a_lens_that_closes_in_may_turn_to_its_thing_and_not_away():
    take = build(np.radians(20) * EASE[:, None] * [0, -1, 0], ratio=1 + EASE)
    assert judge(take, ["zoom_in"], aside=(-20.0, 0.0)).obeyed
    assert "pan" in judge(take, ["zoom_in"], aside=(20.0, 0.0)).reason


def test_jerk_tells_smooth_from_rough():
    smooth, rough = make("dolly_in"), make("dolly_in")
    c2w = rough.c2w.copy()
    c2w[:, 0, 3] += np.random.default_rng(0).normal(0, 0.002, 81)
    assert judge(attrs.evolve(rough, c2w=c2w), ["dolly_in"]).jerk > 20 * judge(smooth, ["dolly_in"]).jerk


def test_jerk_counts_in_least_visible_amounts():
    ten = 10 * TIME**2 * (3 - 2 * TIME)  # its third derivative is -120
    assert jerk(build(position=LEAST["dolly"] * ten[:, None] * AXIS["dolly"])) == pytest.approx(120 / np.sqrt(7))


def test_an_unknown_move_is_an_error():
    with pytest.raises(InputError, match="sideways"):
        judge(make("static"), ["sideways"])


def test_a_tripod_head_may_pan_after_it_has_tilted():
    tilt, pan = np.radians(30) * np.clip(2 * TIME, 0, 1), np.radians(40) * np.clip(2 * TIME - 1, 0, 1)
    zero = 0 * TIME
    turn = matrix_from_rotvec(np.stack([zero, pan, zero], 1)) @ matrix_from_rotvec(np.stack([tilt, zero, zero], 1))
    c2w = np.tile(np.eye(4), (81, 1, 1))
    c2w[:, :3, :3] = turn
    take = attrs.evolve(build(), c2w=c2w)
    assert judge(take, ["tilt_up", "pan_right"], ordered=True).obeyed
    assert not judge(take, ["pan_right"]).obeyed and "tilt" in judge(take, ["pan_right"]).reason
