"""The grammar: what its prompts say is what its cameras do, by the independent measure of the judge."""

import math

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip.trajectory import Trajectory
from dollygrip_backend.data.grammar import MOVES, bare, sample_pair
from dollygrip_backend.data.grammar.clauses import gerund, third
from dollygrip_backend.data.grammar.prompts import single
from dollygrip_backend.evaluation.judge import judge
from dollygrip_backend.predictor.channels import resample
from dollygrip_backend.predictor.level import UPRIGHT
from dollygrip_backend.predictor.motion import FOCAL, PITCH, YAW, X, Z, ease, plan_channels
from dollygrip_backend.predictor.plan import EITHER, Amount, Move, Phase, Plan, read_plan
from dollygrip_backend.predictor.settling import Context, settle
from dollygrip_backend.training.trajectory import draw_context

seeds = st.integers(0, 2**32 - 1)
contexts = st.builds(
    Context,
    view_degrees=st.floats(25, 90),
    duration=st.floats(1, 15),
    strength=st.floats(0.6, 1.8),
    scene_depth=st.just(1.0),
)


def channels_of(plan: Plan, context: Context, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return plan_channels(settle(plan, context, rng), context, rng)


def camera(plan: Plan, context: Context, seed: int, frames: int = 81) -> Trajectory:
    channels = resample(channels_of(plan, context, seed), frames)
    c2w, ratio = UPRIGHT.poses(channels)
    intrinsics = np.array([500.0, 500, 320, 200]) * np.stack([ratio, ratio, ratio**0, ratio**0], 1)
    return Trajectory(c2w, intrinsics, (640, 400), 24.0)


@pytest.mark.parametrize("name", MOVES)
@given(seeds, contexts)
@settings(max_examples=8, deadline=None)
def test_every_single_move_obeys_its_name(name, seed, context):
    pair = single(np.random.default_rng(seed), name)
    verdict = judge(camera(read_plan(name), context, seed), [name])
    assert verdict.obeyed, verdict.reason
    [move] = [move for phase in pair.plan.phases for move in phase.moves]
    assert move.name == name or (move.way == EITHER and name.startswith(move.family))


@given(st.integers(5, 80), seeds)
@settings(max_examples=20, deadline=None)
def test_numbers_mean_numbers_whatever_the_strength(degrees, seed):
    plan = Plan((Phase((Move("pan", "left", Amount(degrees, "degrees")),)),))
    take = camera(plan, Context(strength=1.7, duration=9), seed)
    assert judge(take, ["pan_left"], {"pan_left": degrees}).amounts["pan"] == pytest.approx(-degrees, abs=0.05)


def test_metres_are_metres():
    channels = channels_of(read_plan("dolly_out:2m"), Context(scene_depth=8.0))
    assert channels[-1, 2] * 8.0 == pytest.approx(-2.0)


@given(seeds, st.tuples(st.floats(0.25, 0.75), st.floats(0.3, 0.7)))
@settings(max_examples=20, deadline=None)
def test_an_orbit_keeps_its_subject_where_it_was_in_the_image(seed, point):
    context = Context(subject=point)
    take = camera(read_plan("orbit_left:120deg"), context, seed)
    subject = context.ray()
    seen = np.einsum("tji,tj->ti", take.rotations, subject - take.positions)
    np.testing.assert_allclose(seen[:, :2] / seen[:, 2:], np.broadcast_to(context.ray()[:2], (81, 2)), atol=2e-3)


def last_phase(text: str, context: Context) -> np.ndarray:
    """The storyboard's channels (N, 7) of the plan's last phase."""
    plan = attrs.evolve(read_plan(text), toward=context.subject is not None)
    channels = plan_channels(settle(plan, context, None), context)
    shares = np.array([phase.share for phase in plan.phases])
    return channels[int(np.ceil((1 - shares[-1] / shares.sum()) * (len(channels) - 1))) :]


@given(
    st.none() | st.tuples(st.floats(0.3, 0.7), st.floats(0.35, 0.65)),
    st.sampled_from(["dolly_in:half", "dolly_out:1m", "truck_left:0.3m", "dolly_in:30%", "zoom_in:2x > dolly_out:2m"]),
)
def test_an_orbit_that_follows_a_move_turns_about_the_same_subject(point, before):
    context = Context(subject=point)
    channels = last_phase(f"{before} > orbit_left:60deg", context)
    arms = (context.ray() - channels[:, :3])[:, [0, 2]]
    np.testing.assert_allclose(np.linalg.norm(arms, axis=1), np.linalg.norm(arms[0]), rtol=1e-6)
    bearing = np.arctan2(arms[:, 0], arms[:, 1]) - channels[:, YAW]
    np.testing.assert_allclose(bearing, bearing[0], atol=1e-6)
    assert np.ptp(channels[:, YAW]) > np.radians(50)


@pytest.mark.parametrize(
    ("text", "pivot"),
    [("dolly_in:2m > orbit_left:90deg", (0, 3)), ("pan_right:90deg > orbit_left:90deg", (1, 0))],
)
def test_what_is_passed_or_panned_away_from_is_turned_about_no_more(text, pivot):
    distances = np.linalg.norm(last_phase(text, Context())[:, [0, 2]] - pivot, axis=1)
    np.testing.assert_allclose(distances, 1, rtol=1e-6)


@given(st.floats(0.1, 0.6), st.floats(0.1, 0.3))
def test_a_dolly_zoom_that_follows_a_dolly_keeps_the_size_that_it_finds(near, zoomed):
    channels = last_phase(f"dolly_in:{near:.3f}m > dolly_zoom_in:{zoomed:.3f}m", Context())
    sizes = np.exp(channels[:, FOCAL]) / (1 - channels[:, Z])
    np.testing.assert_allclose(sizes, sizes[0], rtol=1e-6)
    assert np.ptp(channels[:, FOCAL]) > 0.05


@given(seeds, st.tuples(st.floats(0.1, 0.9), st.floats(0.2, 0.8)))
@settings(max_examples=20, deadline=None)
def test_a_push_toward_a_subject_ends_pointing_at_it_within_seven_degrees(seed, point):
    context = Context(subject=point)
    plan = Plan(read_plan("dolly_in").phases, toward=True)
    c2w, _ = UPRIGHT.poses(channels_of(plan, context, seed))
    way, axis, ray = c2w[-1, :3, 3], c2w[-1, :3, 2], context.ray()
    forward = np.array([0, 0, 1.0])
    assert degrees_between(axis, ray - way) < 7.1
    # A turn that is seen faces the subject. No wider than the subject's own bearing, or than what is still seen as
    # straight; and no more turn than it takes.
    if degrees_between(axis, forward) > 2:
        assert degrees_between(axis, ray - way) < 3.6
    widest = np.maximum(np.abs(ray[:2]), np.tan(np.radians(11)))
    assert np.all(np.abs(way[:2] / way[2]) <= widest + 1e-6)
    assert degrees_between(axis, forward) < max(degrees_between(ray, forward) - 3.5, 0) + 0.3


def degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


@given(seeds, st.tuples(st.floats(0.1, 0.9), st.floats(0.2, 0.8)), st.sampled_from(["in", "out"]))
@settings(max_examples=20, deadline=None)
def test_a_crane_that_goes_in_or_out_tilts_as_little_as_keeps_its_thing_in_frame(seed, point, way):
    plan = Plan(read_plan(f"dolly_{way} + pedestal_up").phases, toward=True)
    context = Context(subject=point)
    channels = channels_of(plan, context, seed)
    level = channels_of(attrs.evolve(plan, toward=way == "in"), Context(subject=(point[0], 0.5)), seed)
    np.testing.assert_allclose(channels[:, [X, Z, YAW]], level[:, [X, Z, YAW]], atol=1e-12)
    c2w, _ = UPRIGHT.poses(channels)
    seen = np.einsum("tji,tj->ti", c2w[:, :3, :3], context.ray() - c2w[:, :3, 3])
    height = seen[:, 1] / seen[:, 2] / np.tan(np.radians(context.view_degrees) / 2) * context.aspect
    assert np.abs(height).max() < max(0.9, abs(height[0]) + 0.1)
    assert channels[:, PITCH].max() <= 0 and (channels[-1, PITCH] == 0 or height[-1] > 0.7)


@given(
    seeds,
    st.tuples(st.floats(0.1, 0.9), st.floats(0.05, 0.2)),
    st.sampled_from(["dolly_in + tilt_up", "dolly_in > tilt_up"]),
)
@settings(max_examples=20, deadline=None)
def test_a_push_with_a_tilt_to_what_is_named_turns_no_other_way(seed, point, text):
    context = Context(subject=point)
    aimed = channels_of(attrs.evolve(read_plan(text), toward=True), context, seed)
    np.testing.assert_array_equal(aimed, channels_of(read_plan(text), context, seed))
    assert np.abs(aimed[:, [YAW, X]]).max() == 0 and aimed[:, PITCH].min() >= 0


@pytest.mark.parametrize("text", ["pause > dolly_in", "dolly_in > pan_right", "dolly_in > tilt_up"])
def test_a_push_goes_to_its_thing_after_a_rest_and_before_a_turn_elsewhere(text):
    context = Context(subject=(0.2, 0.7))
    channels = channels_of(Plan(read_plan(text).phases, toward=True), context)
    arrived = channels[-1] if text == "pause > dolly_in" else channels[len(channels) // 2 - 5]
    assert arrived[X] < -0.04


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_a_storyboard_has_the_key_poses_of_its_take(seed):
    rng = np.random.default_rng(seed)
    plan = sample_pair(rng).plan
    settled = settle(plan, Context(), rng)
    storyboard = plan_channels(settled, Context())
    take = plan_channels(Plan(settled.phases), Context(), rng)
    np.testing.assert_allclose(storyboard[-1], take[-1], atol=1e-6)
    np.testing.assert_array_equal(storyboard, plan_channels(settled, Context()))


@given(st.floats(0.05, 0.5), st.floats(0.05, 0.5))
def test_easing_runs_from_rest_to_rest_without_turning_back(rise, fall):
    s = ease(np.linspace(0, 1, 2001), rise, fall)
    assert s[0] == 0 and math.isclose(s[-1], 1, abs_tol=1e-9)
    assert np.diff(s).min() > -1e-12
    assert s[1] < 1e-5 and 1 - s[-2] < 1e-5


def test_the_second_phase_starts_where_the_first_ends():
    channels = channels_of(read_plan("pan_right:90deg > dolly_in:half"), Context())
    np.testing.assert_allclose(channels[-1, :3], [0.5, 0, 0], atol=1e-9)  # forward is now frame 0's right


@given(seeds)
@settings(max_examples=100, deadline=None)
def test_prompts_are_clean_text_and_cameras_are_finite(seed):
    rng = np.random.default_rng(seed)
    pair = sample_pair(rng)
    words = bare(pair.prompt)
    assert words.strip() == words and not set(words) & set("{}⟨⟩|")
    for context in (Context(), draw_context(rng)):
        channels = channels_of(pair.plan, context, seed)
        assert np.isfinite(channels).all() and np.all(channels[0] == 0)


@pytest.mark.parametrize(
    ("verb", "s", "ing"), [("pan", "pans", "panning"), ("move", "moves", "moving"), ("push", "pushes", "pushing"),
                           ("carry", "carries", "carrying"), ("go", "goes", "going")]
)  # fmt: skip
def test_verbs_inflect(verb, s, ing):
    assert (third(verb), gerund(verb)) == (s, ing)
