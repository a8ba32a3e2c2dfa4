"""The engine `sana-wm`, all of it, on a tiny SANA-WM with random weights: what it is told and what comes back."""

import json
import shutil

import attrs
import numpy as np
import pytest
import torch
from diffusers.pipelines.sana_wm.cam_utils import action_string_to_c2w
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_pipelines import save_sana_wm, save_wan_vace

from dollygrip.errors import DollygripError, InputError
from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory
from dollygrip_backend.models import use_folder
from dollygrip_backend.video import Shot
from dollygrip_backend.video.reference import cover_box, crop
from dollygrip_backend.video.sana_wm import SanaJob, SanaWMEngine, lead_in
from dollygrip_backend.video.specs import PRESETS, SANA_WM
from dollygrip_backend.video.wan_vace import WanVACEEngine
from dollygrip_backend.video.windows import plan_windows, working_size

SIZE = (128, 96)
LENS = np.array([110.0, 115.0, 60.0, 50.0])
SPEC = attrs.evolve(SANA_WM, pixels=SIZE[0] * SIZE[1])  # as if the tiny model had been trained at that size


@pytest.fixture(autouse=True)
def tiny_spec(monkeypatch):
    monkeypatch.setattr(SanaWMEngine, "spec", SPEC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_sana_wm(tmp_path_factory.mktemp("model") / "sana")


@pytest.fixture(scope="module")
def vace_folder(tmp_path_factory):
    return save_wan_vace(tmp_path_factory.mktemp("model") / "vace")


@pytest.fixture
def engine(folder):
    return SanaWMEngine(folder, steps=2)


class Spy:
    """Records what the pipeline and its transformer are called with, and lets them work."""

    def __init__(self, engine: SanaWMEngine, monkeypatch):
        self.calls, self.latents, self.cameras, self.times = [], [], [], []
        pipe = engine._pipeline(1)
        call, forward = type(pipe).__call__, pipe.transformer.forward

        def spy_call(pipe, *args, **kwargs):
            self.calls.append(kwargs)
            return call(pipe, *args, **kwargs)

        def spy_forward(latents, timestep, *args, **kwargs):
            self.latents.append(latents[:1].clone())
            self.times.append(timestep[0, 0].clone())
            self.cameras.append(kwargs["camera_conditions"][0].double().numpy())
            return forward(latents, timestep, *args, **kwargs)

        monkeypatch.setattr(type(pipe), "__call__", spy_call)
        monkeypatch.setattr(pipe.transformer, "forward", spy_forward)


@pytest.fixture
def spy(engine, monkeypatch):
    return Spy(engine, monkeypatch)


def picture(size=SIZE) -> np.ndarray:
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    waves = [np.sin(x / 11 + y / 17), np.sin(x / 13 - y / 8), np.cos(x / 21 + y / 11)]
    return np.stack([127.5 + 100 * wave for wave in waves], -1).round().astype(np.uint8)


def walk(frames: int, seed: int = 0) -> np.ndarray:
    """A smooth camera path with all six degrees of freedom, far from the world's origin."""
    random, t = np.random.default_rng(seed), np.linspace(0, 1, frames)[:, None]
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, :3] = matrix_from_rotvec(random.normal(size=3) + t * random.normal(size=3) * 0.4)
    c2w[:, :3, 3] = random.normal(size=3) * 1000 + t * random.normal(size=3)
    return c2w


def make_shot(c2w: np.ndarray, lens=LENS, size=SIZE, **changes) -> Shot:
    lens = np.broadcast_to(lens, (len(c2w), 4))
    shot = Shot(picture(), "a slow red room", Trajectory(c2w, lens, SIZE, 16.0, 4.0), size)
    return attrs.evolve(shot, **changes)


def relative(c2w: np.ndarray) -> np.ndarray:
    return np.linalg.inv(c2w[0]) @ c2w


@pytest.mark.parametrize("frames", [1, 2, 8, 9, 12, 17])
def test_the_model_gets_every_pose_and_the_user_exactly_the_frames_asked_for(engine, spy, frames):
    shot = make_shot(walk(frames))
    shown = list(engine.render(shot))
    assert len(shown) == frames and all(f.shape == (96, 128, 3) and f.dtype == np.uint8 for f in shown)
    [call] = spy.calls
    length = -(-(frames - 1) // 8) * 8 + 1
    assert call["num_frames"] == len(call["c2w"]) == len(call["intrinsics"]) == length
    expected = relative(shot.trajectory.c2w)[np.minimum(np.arange(length), frames - 1)]
    np.testing.assert_allclose(call["c2w"], expected, atol=1e-9)
    latent_times = np.arange(0, length, 8)
    np.testing.assert_allclose(spy.cameras[0][:, :16].reshape(-1, 4, 4), expected[latent_times], atol=1e-5)
    np.testing.assert_allclose(spy.cameras[0][:, 16:] * 32, np.tile(LENS, (len(latent_times), 1)), rtol=1e-5)


def test_moving_right_is_plus_x_down_is_plus_y_and_forward_is_plus_z(engine, spy):
    """The pipeline's own convention, by its own words: W goes forward and D right; OpenCV's axes."""
    c2w = np.tile(np.eye(4), (9, 1, 1))
    c2w[:, 0, 3] = c2w[:, 2, 3] = np.linspace(0, 0.4, 9)
    list(engine.render(make_shot(c2w)))
    wanted = action_string_to_c2w("wd-8", translation_speed=0.05)
    np.testing.assert_allclose(spy.calls[0]["c2w"][-1] - np.eye(4), wanted[-1] - np.eye(4), atol=1e-6)


def test_a_zoom_arrives_frame_by_frame(engine, spy):
    lens = LENS * np.stack([np.linspace(1, 3, 17)] * 2 + [np.ones(17)] * 2, -1)
    list(engine.render(make_shot(walk(17), lens)))
    np.testing.assert_allclose(spy.calls[0]["intrinsics"], lens, rtol=1e-12)
    np.testing.assert_allclose(spy.cameras[0][:, 16] * 32, lens[::8, 0], rtol=1e-5)


@given(
    image_size=st.sampled_from([(128, 96), (300, 96), (90, 200), (256, 192)]),
    size=st.sampled_from([(128, 96), (130, 98), (192, 144), (100, 74)]),
    spot=st.tuples(st.floats(0.2, 0.8), st.floats(0.2, 0.8)),
)
@settings(max_examples=12)
def test_picture_and_intrinsics_are_cropped_and_scaled_together(image_size, size, spot):
    """A spot on a known ray of the uncropped picture is found on the same ray of what the pipeline is given."""
    left, top, right, bottom = cover_box(*image_size, SIZE[0] / SIZE[1])
    x, y = left + spot[0] * (right - left), top + spot[1] * (bottom - top)
    columns, rows = np.meshgrid(np.arange(image_size[0]) + 0.5, np.arange(image_size[1]) + 0.5)
    blob = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / 4**2) * 255
    shot = make_shot(walk(9), size=size, image=np.repeat(blob[..., None], 3, -1).astype(np.uint8))
    work = working_size(size, SPEC.multiple, SPEC.pixels, not SPEC.one_size)
    given_ = SanaJob(shot, work).inputs(plan_windows(9, 17, 8, 9)[0], [])
    seen = np.asarray(given_["image"], float)[..., 0]
    assert given_["image"].size == work
    columns, rows = np.meshgrid(np.arange(work[0]) + 0.5, np.arange(work[1]) + 0.5)
    u, v = (seen * columns).sum() / seen.sum(), (seen * rows).sum() / seen.sum()
    fx, fy, cx, cy = given_["intrinsics"][0]
    found = (u - cx) / fx, (v - cy) / fy
    wanted = (spot[0] * SIZE[0] - LENS[2]) / LENS[0], (spot[1] * SIZE[1] - LENS[3]) / LENS[1]
    assert found == pytest.approx(wanted, abs=0.02)


@pytest.mark.parametrize("size", [(130, 98), (100, 74), (86, 64), (256, 192)])
def test_any_size_comes_back_as_asked_from_the_size_that_the_model_was_trained_at(engine, spy, size):
    shown = list(engine.render(make_shot(walk(3), size=size)))
    assert all(frame.shape == (size[1], size[0], 3) for frame in shown)
    [call] = spy.calls
    assert (call["width"], call["height"]) == call["image"].size == SIZE
    np.testing.assert_allclose(call["intrinsics"], np.tile(LENS, (9, 1)), rtol=1e-9)


def test_frame_zero_is_the_picture(engine):
    shot = make_shot(walk(3))
    assert (next(engine.render(shot)) == crop(shot.image, SIZE, shot.trajectory)).all()


def elsewhere(c2w: np.ndarray, reference: np.ndarray, lens=LENS) -> Shot:
    shot = make_shot(c2w)
    meta = {"reference": {"c2w": reference.tolist(), "intrinsics": lens.tolist()}}
    return attrs.evolve(shot, trajectory=attrs.evolve(shot.trajectory, meta=meta))


def test_a_shot_that_starts_elsewhere_is_led_there_from_the_picture_out_of_sight(engine, spy):
    c2w = walk(10)
    reference = c2w[0].copy()
    reference[:3, 3] += c2w[0, :3, :3] @ [0.3, 0, -0.2]
    reference[:3, :3] = c2w[0, :3, :3] @ matrix_from_rotvec(np.array([0, 0.1, 0]))
    shot = elsewhere(c2w, reference, LENS * [0.9, 0.9, 1, 1])
    shown = list(engine.render(shot))
    assert len(shown) == 10
    [call] = spy.calls
    lead = len(lead_in(shot.trajectory))
    path = np.concatenate([reference[None], c2w])
    np.testing.assert_allclose(call["c2w"][lead : lead + 10], relative(path)[1:], atol=1e-8)
    np.testing.assert_allclose(call["c2w"][0], np.eye(4), atol=1e-8)
    np.testing.assert_allclose(call["intrinsics"][0], LENS * [0.9, 0.9, 1, 1])
    steps = np.linalg.norm(np.diff(call["c2w"][: lead + 1, :3, 3], axis=0), axis=1)
    assert steps.max() <= 0.02 * 4.0 + 1e-6 and np.ptp(steps) < 1e-6
    assert not (shown[0] == crop(shot.image, SIZE, shot.trajectory)).all()


def test_the_lead_in_is_bounded_and_absent_where_the_shot_starts_at_the_picture():
    c2w = walk(4)
    assert lead_in(elsewhere(c2w, c2w[0]).trajectory) is None
    assert lead_in(make_shot(c2w).trajectory) is None
    far = c2w[0].copy()
    far[:3, 3] += 500
    assert len(lead_in(elsewhere(c2w, far).trajectory)) == 80


@pytest.fixture
def short_windows(engine, monkeypatch):
    monkeypatch.setattr(type(engine), "spec", attrs.evolve(SPEC, window=25))


def test_windows_continue_from_held_frames(engine, short_windows, spy):
    shot = make_shot(walk(46))
    shown = list(engine.render(shot))
    assert len(shown) == 46
    assert [call["num_frames"] for call in spy.calls] == [25, 25, 17]
    for call, start in zip(spy.calls, (0, 16, 32), strict=True):
        expected = shot.trajectory.c2w[np.minimum(np.arange(start, start + call["num_frames"]), 45)]
        np.testing.assert_allclose(call["c2w"], relative(expected), atol=1e-8)
        assert start == 0 or (np.asarray(call["image"]) == shown[start]).all()
    window = spy.latents[2:4], spy.times[2:4]
    assert torch.equal(window[0][0][:, :, :2], window[0][1][:, :, :2]), "two latents are held"
    assert not torch.equal(window[0][0][:, :, 2], window[0][1][:, :, 2])
    assert all((times[:2] == 0).all() and times[2] > 0 for times in window[1])
    assert [bool((times[1] == 0).item()) for times in spy.times[:2]] == [False, False], "the first holds one"


def test_what_is_held_are_the_latents_of_the_last_frames(engine, short_windows, spy):
    shown = list(engine.render(make_shot(walk(28))))
    pipe = engine._pipeline(1)
    video = torch.from_numpy(np.stack(shown[16:25])).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    with torch.no_grad():
        known = pipe.vae.encode(video).latent_dist.mode()
    assert torch.allclose(spy.latents[2][:, :, :2], known, atol=1e-5)


@pytest.mark.parametrize("size", [SIZE, (130, 98)])
@pytest.mark.parametrize(("finished", "windows"), [(25, 2), (30, 2), (41, 1), (24, 3), (0, 3)])
def test_an_interrupted_shot_goes_on_after_its_last_finished_window(
    engine, short_windows, folder, spy, size, finished, windows
):
    """Windows end at frames 25, 41 and 46; the next one gets its held frames and its own noise."""
    shot = make_shot(walk(46), size=size)
    whole = list(engine.render(shot))
    spy.calls.clear()
    progress = []
    rest = list(SanaWMEngine(folder, steps=2).render(shot, lambda now, _: progress.append(now), whole[:finished]))
    assert len(rest) == 46 - finished and all((a == b).all() for a, b in zip(rest, whole[finished:], strict=True))
    assert len(spy.calls) == windows
    assert progress[0] == finished and progress == sorted(progress)


def test_an_interrupted_shot_with_a_lead_in_goes_on_the_same(engine, short_windows, spy):
    """The lead-in of 20 frames is not kept, so the window that ends 5 frames after it has to be made again."""
    c2w = walk(40)
    reference = c2w[0].copy()
    reference[:3, 3] += [0, 0.08 * 20 - 0.01, 0]
    shot = elsewhere(c2w, reference)
    assert len(lead_in(shot.trajectory)) == 20
    whole = list(engine.render(shot))
    for finished, windows in ((5, 4), (21, 2)):  # frames of windows end at 5, 21, 37 and 40
        spy.calls.clear()
        rest = list(engine.render(shot, None, whole[:finished]))
        assert all((a == b).all() for a, b in zip(rest, whole[finished:], strict=True))
        assert len(rest) == 40 - finished and len(spy.calls) == windows


def test_windows_have_noise_of_their_own(engine, short_windows, spy):
    list(engine.render(make_shot(walk(46))))
    first, second = spy.latents[0][:, :, 2:], spy.latents[2][:, :, 2:]
    assert first.shape == second.shape and not torch.allclose(first, second, atol=0.5)


def test_seeds_decide(engine):
    frames = {seed: np.stack(list(engine.render(make_shot(walk(9), seed=seed)))) for seed in (1, 2)}
    again = np.stack(list(engine.render(make_shot(walk(9), seed=1))))
    assert (again == frames[1]).all() and (frames[1] != frames[2]).any()


@pytest.mark.parametrize("preset", PRESETS[1:])
def test_presets_change_where_the_model_is_not_what_it_makes(folder, preset):
    shot = make_shot(walk(9))
    full, other = (np.stack(list(SanaWMEngine(folder, preset=p, steps=2).render(shot))) for p in ("full", preset))
    difference = np.abs(full.astype(int) - other)
    if preset == "fp8":
        assert 0 < difference.mean() < 3
    else:
        assert difference.max() <= 1


def test_progress_grows_by_steps_and_what_it_raises_ends_the_rendering_within_a_step(engine, spy):
    seen = []
    list(engine.render(make_shot(walk(9)), lambda done, total: seen.append((done, total))))
    assert seen == sorted(seen) and seen[0] == (0, 9) and seen[-1] == (9, 9)
    assert len({done for done, _ in seen[:3]}) == 3, "between the steps of the one window"
    spy.times.clear()

    def stop(done: int, total: int) -> None:
        if done:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(engine.render(make_shot(walk(9)), stop))
    assert len(spy.times) == 1, "of two steps"
    assert len(list(engine.render(make_shot(walk(9))))) == 9


@pytest.mark.parametrize(("part", "says"), [("transformer", "in step 1 of 2"), ("vae.decoder", "while decoding")])
def test_nan_is_an_error_with_a_name(engine, part, says):
    module = engine._pipeline(1)
    for name in part.split("."):
        module = getattr(module, name)
    with torch.no_grad():
        next(module.parameters()).fill_(float("nan"))
    with pytest.raises(DollygripError, match=f"NaN or infinity {says}") as caught:
        list(engine.render(make_shot(walk(9))))
    assert caught.value.kind == "nan" and caught.value.hint


@pytest.mark.parametrize("kind", ["nan", "memory"])
def test_the_windows_before_a_failure_have_been_handed_out(engine, short_windows, spy, kind, monkeypatch):
    """25 frames are one window; the second one's first step fails."""
    transformer = engine._pipeline(1).transformer
    forward, whole = transformer.forward, list(engine.render(make_shot(walk(46))))
    spy.calls.clear()

    def failing(*args, **kwargs):
        if len(spy.calls) < 2:
            return forward(*args, **kwargs)
        if kind == "memory":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return tuple(part * float("nan") for part in forward(*args, **kwargs))

    monkeypatch.setattr(transformer, "forward", failing)
    seen = []
    with pytest.raises(DollygripError) as caught:
        for frame in engine.render(make_shot(walk(46))):
            seen.append(frame)
    assert caught.value.kind == kind
    assert len(seen) == 25 and all((a == b).all() for a, b in zip(seen, whole[:25], strict=True))


@pytest.mark.parametrize("preset", ["offload", "fp8"])
@pytest.mark.parametrize("kind", [SanaWMEngine, WanVACEEngine])
def test_offloaded_one_network_at_a_time_is_on_the_card(folder, vace_folder, monkeypatch, kind, preset):
    engine = kind(folder if kind is SanaWMEngine else vace_folder, preset=preset, steps=2)
    pipe, there, seen = engine._pipeline(1), set(), []
    parts = ("text_encoder", "transformer", "vae")

    def watch(name: str, before: str | None) -> None:
        class_ = type(getattr(pipe, name))
        move = class_.to

        def to(network, *args, **kwargs):
            if str(args[0]) == "cpu:0":  # the hooks' card; home is plain "cpu"
                there.add(name)
                there.discard(before)  # the hooks' own doing, which they leave out where the card is a CPU
            else:
                there.discard(name)
            seen.append(sorted(there))
            return move(network, *args, **kwargs)

        monkeypatch.setattr(class_, "to", to)

    for before, name in zip((None, *parts), parts, strict=False):
        watch(name, before)
    list(engine.render(make_shot(walk(9), depth=np.ones((SIZE[1], SIZE[0]), np.float32))))
    assert {name for names in seen for name in names} == set(parts)
    assert max(map(len, seen)) == 1


def test_when_the_memory_runs_out_the_next_rendering_uses_the_next_preset(engine, monkeypatch):
    full = engine._pipeline(1)

    def out_of_memory(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(full.transformer, "forward", out_of_memory)
    with pytest.raises(DollygripError, match="ran out with the preset 'full'") as caught:
        list(engine.render(make_shot(walk(9))))
    assert caught.value.kind == "memory" and "preset 'offload'" in caught.value.hint
    assert caught.value.__context__ is None, "a traceback would keep the card's memory"
    assert len(list(engine.render(make_shot(walk(9))))) == 9 and engine.preset == "offload"


def test_when_the_memory_runs_out_with_the_last_preset_there_is_other_advice(folder, monkeypatch):
    engine = SanaWMEngine(folder, preset="stream", steps=2)

    def out_of_memory(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine, "_encode", out_of_memory)
    with pytest.raises(DollygripError, match="'stream'") as caught:
        list(engine.render(make_shot(walk(9))))
    assert caught.value.kind == "memory" and "smaller size" in caught.value.hint and engine.preset == "stream"


def test_weights_of_another_shape_are_named_not_crashed_on(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "model")
    config = json.loads((copy / "vae/config.json").read_text())
    (copy / "vae/config.json").write_text(json.dumps(config | {"latent_channels": 16}))
    engine = SanaWMEngine(copy)
    with pytest.raises(DollygripError, match="cannot be loaded") as caught:
        list(engine.render(make_shot(walk(9))))
    assert caught.value.kind == "weights"


def test_an_illegal_shot_is_refused_before_any_frame_is_asked_for(engine):
    with pytest.raises(InputError, match="aspect"):
        engine.render(make_shot(walk(9), size=(128, 128)))
    with pytest.raises(InputError, match="NaN"):
        make_shot(np.full((3, 4, 4), np.nan))
    with pytest.raises(InputError, match="cannot render"):
        engine.render(make_shot(walk(9), size=(64, 48)))


def test_it_loads_from_where_the_user_said_and_says_what_is_missing(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("DOLLYGRIP_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    with pytest.raises(DollygripError, match="dollygrip models download sana-wm") as caught:
        SanaWMEngine.load()
    assert caught.value.kind == "weights"
    use_folder(SANA_WM, folder)
    assert SanaWMEngine.load().folder == folder
