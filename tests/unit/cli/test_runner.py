"""What the runner does around the models: sizes, scales, resumption, what it keeps in memory."""

import itertools

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from room import SIZE, camera, picture

from dollygrip.errors import InputError
from dollygrip.protocol import (
    DepthRequest,
    LookRequest,
    MeasureRequest,
    PredictRequest,
    RenderRequest,
    TrajectoryHeader,
)
from dollygrip_backend import video
from dollygrip_backend.jobs.validation import validate
from dollygrip_backend.predictor.checks import check_numbers
from dollygrip_backend.workers.runner import CancelledError, Runner, _shrunk, _stretched


@given(st.integers(16, 900), st.integers(16, 900))
def test_an_image_for_depth_is_small_but_never_thin_and_depth_fits_again(width, height):
    image = np.zeros((height, width, 3), np.uint8)
    small = _shrunk(image)
    assert min(small.shape[:2]) >= min(32, height, width) - 1
    assert max(small.shape[:2]) <= 512 or min(small.shape[:2]) <= 33
    columns = np.tile(np.arange(small.shape[1], dtype=np.float32), (small.shape[0], 1))
    back = _stretched(columns, image)
    assert back.shape == (height, width)
    expected = (np.arange(width) + 0.5) * small.shape[1] / width - 0.5
    assert np.abs(back[0] - expected).max() <= 1


def request(**options):
    return PredictRequest(prompt="dolly in", frames=5, **options)


def run(runner, asked, arrays, finished=(), report=lambda *_: None):
    return list(runner.run(validate(asked, arrays), arrays, report, finished))


@pytest.fixture(scope="module")
def runner():
    return Runner()


def test_a_known_depth_sets_the_scale_and_an_estimated_one_takes_the_given_scale(runner):
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    depth = np.full((48, 64), 7.0, np.float32)
    depth[:10] = np.inf
    assert run(runner, request(), {"image": image, "depth": depth})[0].scene_depth == 7.0
    assert run(runner, request(scene_depth=3.0), {"image": image})[0].scene_depth == 3.0
    estimated = run(runner, request(), {"image": image})[0].scene_depth
    assert 0 < estimated < 1e3


def test_a_picture_is_looked_at_once_while_only_the_words_change(runner, monkeypatch):
    """What is kept changes no result: bit for bit that of a runner that never saw the picture."""
    pictures = [{"image": np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8)} for seed in (1, 2)]
    run(runner, request(), pictures[1])
    estimator, looked = runner._models["depth embedded"], []
    estimate = estimator.estimate
    monkeypatch.setattr(estimator, "estimate", lambda image: looked.append(image) or estimate(image))
    words = ("dolly in", "orbit left around the red door", "pan right")
    takes = [run(runner, attrs.evolve(request(), prompt=prompt), pictures[0])[0] for prompt in words]
    assert len(looked) == 1
    run(runner, request(), pictures[1])
    run(runner, request(view_degrees=70.0), pictures[1])
    assert len(looked) == 3, "another picture, or another lens, is looked at again"
    alone = run(Runner(), attrs.evolve(request(), prompt=words[1]), pictures[0])[0]
    assert np.array_equal(alone.c2w, takes[1].c2w) and alone.meta == takes[1].meta


@pytest.mark.parametrize("given", [{}, {"scene_depth": 3.0}, {"view_degrees": 70.0}])
def test_what_was_looked_at_ahead_is_not_looked_at_again_and_changes_no_take(monkeypatch, given):
    arrays = {"image": np.random.default_rng(5).integers(0, 256, (48, 64, 3), np.uint8)}
    asked = attrs.evolve(request(**given), prompt="push in to the smiling man by the red door")
    alone = run(Runner(), asked, arrays)[0]
    ahead, seen = Runner(), []
    assert run(ahead, LookRequest(**given), arrays) == []
    pipeline, depth = ahead._models["camera"], ahead._models["depth embedded"]
    for owner, name in (
        (pipeline.grounding, "look_at"),
        (pipeline.picture_features, "kinds_in"),
        (pipeline.face_detector, "find"),
        (depth, "estimate"),
    ):
        monkeypatch.setattr(owner, name, lambda *_, name=name: seen.append(name))
    loaded = dict(vars(pipeline))
    take = run(ahead, asked, arrays)[0]
    assert not seen and vars(pipeline).keys() == loaded.keys(), "neither looked at nor loaded anything"
    assert np.array_equal(take.c2w, alone.c2w) and take.meta == alone.meta


def test_takes_resume_where_they_were(runner):
    arrays = {"image": np.zeros((48, 64, 3), np.uint8)}
    takes = run(runner, request(takes=3), arrays)
    rest = run(runner, request(takes=3), arrays, takes[:1])
    assert len(rest) == 2
    assert all(np.array_equal(a.c2w, b.c2w) for a, b in zip(takes[1:], rest, strict=True))


def test_depth_is_the_one_that_a_prediction_sees_at_the_asked_scale(runner):
    arrays = {"image": np.random.default_rng(0).integers(0, 256, (300, 800, 3), np.uint8)}
    [own] = run(runner, DepthRequest(), arrays)
    assert max(own.depth.shape) == 512 and own.depth.shape == (192, 512)
    assert (own.depth > 0).all() and np.isfinite(own.depth).all() and 1 < own.view_degrees < 170
    predicted = run(runner, request(), arrays)[0].scene_depth
    assert np.median(own.depth) == pytest.approx(predicted, rel=0.02), "both see the same middle ground"
    [scaled] = run(runner, DepthRequest(scene_depth=3.0), arrays)
    assert np.allclose(scaled.depth, own.depth * (3.0 / np.median(own.depth)), rtol=1e-5)
    assert not run(runner, DepthRequest(), arrays, [own])


def shot():
    c2w = np.tile(np.eye(4), (4, 1, 1))
    c2w[:, 0, 3] = np.linspace(0, 0.3, 4)
    header = TrajectoryHeader(fps=24.0, size=(128, 72))
    arrays = {
        "image": np.random.default_rng(0).integers(0, 256, (72, 128, 3), np.uint8),
        "c2w": c2w,
        "intrinsics": np.tile([110.0, 110, 64, 36], (4, 1)),
        "depth": np.full((72, 128), 1.0, np.float32),
    }
    return RenderRequest(prompt="", trajectory=header), arrays


@pytest.mark.parametrize("asked", [request(direct=True), shot()[0]])
@pytest.mark.parametrize(("value", "says"), [(np.nan, "not positive"), (0, "not positive"), (np.inf, "infinite")])
def test_depth_that_is_none_is_refused_before_a_model_is_loaded(monkeypatch, asked, value, says):
    arrays = shot()[1] if isinstance(asked, RenderRequest) else {"image": shot()[1]["image"]}
    arrays["depth"] = np.full((72, 128), value, np.float32)
    alone = Runner(director="none of that name")
    monkeypatch.setattr(alone, "_model", lambda *_: pytest.fail("a model was loaded"))
    with pytest.raises(InputError, match=says):
        run(alone, asked, arrays)


def test_frames_resume_where_they_were(runner):
    frames = run(runner, *shot())
    rest = run(runner, *shot(), frames[:2])
    assert len(frames) == 4 and len(rest) == 2
    assert all(np.array_equal(a, b) for a, b in zip(frames[2:], rest, strict=True))


def test_a_report_that_raises_stops_the_work(runner):
    calls = itertools.count()

    def report(stage, done, total):
        if stage == "frames" and next(calls) == 1:
            raise CancelledError

    with pytest.raises(CancelledError):
        run(runner, *shot(), report=report)
    assert len(run(runner, *shot())) == 4


@given(st.floats(0, 10) | st.sampled_from([0.0, 0.02, 5.0, 8.0]))
@settings(max_examples=20)
def test_the_predictor_takes_the_strengths_that_pass_the_server_and_no_others(strength):
    def refused(check) -> bool:
        try:
            check()
        except InputError:
            return True
        return False

    asked, image = request(strength=strength), np.zeros((36, 64, 3), np.uint8)
    at_the_server = refused(lambda: validate(asked, {"image": image}))
    assert at_the_server == refused(lambda: check_numbers(frames=9, fps=24.0, seed=0, strength=strength))
    assert at_the_server == (strength > 5)


@pytest.mark.parametrize(
    ("at", "value", "says"), [((3, 0), 0.5, "last row"), ((3, 3), 2.0, "last row"), ((0, 0), -1.0, "mirrored")]
)
def test_a_keyframe_that_is_no_pose_is_refused(at, value, says):
    poses = np.tile(np.eye(4), (2, 1, 1))
    arrays = {"image": np.zeros((36, 64, 3), np.uint8), "keyframes": poses}
    asked = request(keyframes_at=(2, 4))
    validate(asked, arrays)
    poses[1][at] = value
    with pytest.raises(InputError, match=f"frame 4 .*{says}"):
        validate(asked, arrays)


def test_sizes_default_to_what_the_engine_can_do():
    asked, arrays = shot()
    checked = validate(attrs.evolve(asked, trajectory=TrajectoryHeader(fps=24.0, size=(3840, 2160))), arrays)
    rule = video.engine_info(checked.engine).sizes
    assert rule.allows(checked.size)
    assert abs(checked.size[0] / checked.size[1] - 16 / 9) < 0.02


def test_a_shots_camera_is_measured_with_progress_and_stops_when_told(runner):
    c2w, lens = camera(turn=(0, 0.1, 0), move=(0.8, 0, 0.4), frames=4)
    asked = MeasureRequest(trajectory=TrajectoryHeader(fps=24.0, size=SIZE, scene_depth=4.0))
    arrays = {"frames": np.array([picture(*view)[0] for view in zip(c2w, lens, strict=True)])}
    arrays |= {"c2w": c2w, "intrinsics": lens}
    said = []
    [achieved] = run(runner, asked, arrays, report=lambda *progress: said.append(progress))
    assert achieved.found.all() and achieved.rotation.max() < 0.15 and achieved.position.max() < 0.05
    assert [done for _, done, _ in said] == sorted(done for _, done, _ in said) and len(said) > 4

    def stop(stage, done, total):
        if done == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        run(runner, asked, arrays, report=stop)
    with pytest.raises(InputError, match="4 frames of 512x288 for a camera of 3 frames"):
        run(runner, asked, arrays | {"c2w": c2w[:3], "intrinsics": lens[:3]})
    with pytest.raises(InputError, match="One frame"):
        run(runner, asked, {name: array[:1] for name, array in arrays.items()})
