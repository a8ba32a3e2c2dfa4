"""The engine `wan-vace`, all of it, on a tiny Wan VACE with random weights: what it is told and what comes back."""

import attrs
import numpy as np
import pytest
import torch
from rendered_cache import rendered
from tiny_pipelines import save_wan_vace

from dollygrip.errors import DollygripError
from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory
from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.video import Shot
from dollygrip_backend.video.fill import grow
from dollygrip_backend.video.reference import prepare_reference
from dollygrip_backend.video.specs import PRESETS, WAN_VACE
from dollygrip_backend.video.wan_vace import RIM, WanVACEEngine, blend, guide_and_mask

SIZE = (128, 80)
LENS = np.array([110.0, 110.0, 64.0, 40.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_wan_vace(tmp_path_factory.mktemp("model") / "vace")


@pytest.fixture
def engine(folder):
    return WanVACEEngine(folder, steps=1)


@pytest.fixture
def calls(engine, monkeypatch):
    """The arguments of every call of the pipeline, which works on."""
    seen, pipe = [], engine._pipeline(1)
    call = type(pipe).__call__

    def spy(pipe, *args, **kwargs):
        seen.append(kwargs)
        return call(pipe, *args, **kwargs)

    monkeypatch.setattr(type(pipe), "__call__", spy)
    return seen


def room(size=SIZE) -> tuple[np.ndarray, np.ndarray]:
    """A textured wall with a box in front of it: image and depth."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([128 + 90 * np.sin(x / 7 + y / 19), 128 + 90 * np.cos(y / 9 - x / 23), 80 + x % 16 * 4], -1)
    depth = np.full((height, width), 5.0, np.float32)
    box = np.s_[height // 3 : height * 2 // 3, width // 3 : width * 2 // 3]
    depth[box], image[box] = 2.0, image[box] * 0.3 + [120, 20, 20]
    return image.clip(0, 255).astype(np.uint8), depth


def truck(frames: int, distance: float = 1.0) -> np.ndarray:
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, 0, 3] = np.linspace(0, distance, frames)
    return c2w


def make_shot(c2w: np.ndarray, size=SIZE, lens=LENS, view=SIZE) -> Shot:
    image, depth = room(view)
    trajectory = Trajectory(c2w, np.broadcast_to(lens, (len(c2w), 4)), view, 24.0, 5.0)
    return Shot(image, "a red room", trajectory, size, 0, depth)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return 10 * np.log10(255**2 / max(((a.astype(float) - b) ** 2).mean(), 1e-9))


@pytest.mark.parametrize("frames", [1, 2, 4, 5, 6])
def test_the_model_gets_the_guide_grey_and_white_in_its_holes(engine, calls, frames):
    shot = make_shot(truck(frames))
    shown = list(engine.render(shot))
    assert len(shown) == frames and all(f.shape == (80, 128, 3) and f.dtype == np.uint8 for f in shown)
    [call] = calls
    length = -(-(frames - 1) // 4) * 4 + 1
    assert call["num_frames"] == length and call["video"].shape == call["mask"].shape == (1, length, 3, 80, 128)
    assert set(call["mask"].unique().tolist()) <= {0.0, 1.0}
    cache = SceneCache.from_view(shot.image, shot.depth, np.eye(4), LENS)
    for t in range(length):
        guide = rendered(cache, shot.trajectory.c2w[min(t, frames - 1)], LENS, SIZE)
        video, mask = call["video"][0, t].permute(1, 2, 0).numpy(), call["mask"][0, t, 0].numpy() > 0
        wide = ~grow(~torch.from_numpy(guide.hole), RIM).numpy()
        assert mask[wide].all() and not mask[~guide.hole].any(), "holes are generated, and nothing else"
        assert (video[mask] == 0.5).all()
        np.testing.assert_allclose(video[~guide.hole] * 255, guide.rgb[~guide.hole], atol=1e-3)
    assert not call["mask"][0, 0].any(), "frame 0 is the picture, and known"
    np.testing.assert_allclose(call["video"][0, 0].permute(1, 2, 0) * 255, shot.image, atol=1.01)


def test_certain_pixels_are_the_guides_own_and_holes_the_models(engine):
    shot = make_shot(truck(5))
    shown = list(engine.render(shot))
    cache = SceneCache.from_view(shot.image, shot.depth, np.eye(4), LENS)
    assert psnr(shown[0], shot.image) > 50
    for frame, c2w in zip(shown, shot.trajectory.c2w, strict=True):
        guide = rendered(cache, c2w, LENS, SIZE)
        assert (frame[~guide.hole] == guide.rgb[~guide.hole]).all()
    other = list(engine.render(attrs.evolve(shot, seed=1)))
    deep = ~grow(~torch.from_numpy(guide.hole), 2 * RIM).numpy()
    assert deep.sum() > 50 and (shown[-1][deep] != other[-1][deep]).any(1).mean() > 0.9


def test_the_blend_leaves_the_known_alone_rises_inside_of_holes_and_skips_cracks():
    hole = torch.zeros(40, 60, dtype=torch.bool)
    hole[10:30, 20:40] = hole[:, 4 : 4 + 2 * RIM] = hole[:, 50:] = True
    alpha = blend(hole)
    assert (alpha[~hole] == 0).all() and (alpha[:, :12] == 0).all()
    assert (alpha[10 + 2 * RIM : 30 - 2 * RIM, 20 + 2 * RIM : 40 - 2 * RIM] == 1).all()
    row = alpha[20, 19 : 20 + 2 * RIM + 1]
    assert (row.diff() > 0).all() and (alpha[:, 50 + 2 * RIM :] == 1).all(), "up to the frame's own border"
    assert not blend(torch.zeros(8, 8, dtype=torch.bool)).any() and blend(torch.ones(8, 8, dtype=torch.bool)).all()


@pytest.mark.parametrize("size", [(64, 40), (100, 62), (256, 160)])
def test_no_pixel_that_a_holes_colour_went_into_stays_unmasked(size):
    rgb, hole = np.full((80, 128, 3), 200, np.uint8), np.zeros((80, 128), bool)
    hole[20:41, 50:75] = True
    rgb[hole] = 0
    small, mask = guide_and_mask(rgb, hole.astype(np.float32), size)
    assert small.shape[:2] == mask.shape == size[::-1]
    assert (small[~mask] == 200).all() and mask.any() and not mask.all()


@pytest.mark.parametrize("size", [(130, 82), (256, 160), (66, 100)])
def test_any_size_comes_back_as_asked_with_its_guide_at_full_sharpness(engine, calls, size, monkeypatch):
    monkeypatch.setattr(type(engine), "spec", attrs.evolve(WAN_VACE, pixels=128 * 80))
    view = SIZE if size[0] > size[1] else (128, 192)
    lens = LENS * [1, 1, view[0] / 128, view[1] / 80]
    shot = make_shot(truck(3), size, lens, view)
    shown = list(engine.render(shot))
    assert all(frame.shape == (size[1], size[0], 3) for frame in shown)
    assert calls[0]["width"] % 16 == calls[0]["height"] % 16 == 0
    assert calls[0]["width"] * calls[0]["height"] <= 128 * 80 * 1.3
    assert np.abs(shown[0].astype(int) - prepare_reference(shot, "cpu").shown).max() <= 1


@pytest.fixture
def short_windows(engine, monkeypatch):
    monkeypatch.setattr(type(engine), "spec", attrs.evolve(WAN_VACE, window=17))


def test_windows_share_their_last_frames_as_known(engine, short_windows, calls):
    shown = list(engine.render(make_shot(truck(24, 2.0))))
    assert len(shown) == 24 and [call["num_frames"] for call in calls] == [17, 17]
    second = calls[1]
    assert not second["mask"][0, :9].any() and second["mask"][0, 9:].any()
    known = (second["video"][0, :9].permute(0, 2, 3, 1).numpy() * 255).round()
    assert (known == np.stack(shown[8:17])).all()


@pytest.mark.parametrize(("size", "finished"), [(SIZE, 17), (SIZE, 28), ((130, 82), 25), (SIZE, 9)])
def test_an_interrupted_shot_goes_on_after_its_last_finished_window(
    engine, short_windows, folder, calls, monkeypatch, size, finished
):
    """Windows end at frames 17, 25, 33 and 35; what they painted is in the cache again, and noise is their own."""
    shot = make_shot(truck(35, 2.5), size)
    whole = list(engine.render(shot))
    told, done = list(calls), [17, 25, 33, 35]
    calls.clear()
    progress = []
    fresh = WanVACEEngine(folder, steps=1)  # as in a new worker
    rest = list(fresh.render(shot, lambda now, total: progress.append(now), whole[:finished]))
    assert len(rest) == 35 - finished and all((a == b).all() for a, b in zip(rest, whole[finished:], strict=True))
    left = sum(stop > finished for stop in done)
    assert len(calls) == left and all(
        torch.equal(a["video"], b["video"]) and torch.equal(a["mask"], b["mask"])
        for a, b in zip(calls, told[len(told) - left :], strict=True)
    )
    assert progress[0] == finished and progress == sorted(progress)


def test_what_was_painted_is_seen_again_when_the_camera_returns(engine, short_windows, monkeypatch):
    """A pan of 40 degrees and back: frame 24, of the second window, looks where frame 16, the first's last, did."""
    turn = np.radians(40) * np.sin(np.linspace(0, np.pi, 41))
    c2w = np.tile(np.eye(4), (41, 1, 1))
    c2w[:, :3, :3] = matrix_from_rotvec(np.stack([0 * turn, turn, 0 * turn], -1))
    shot = make_shot(c2w[:25])
    shown = list(engine.render(shot))
    assert psnr(shown[16], shown[24]) >= 45
    monkeypatch.setattr("dollygrip_backend.video.wan_vace.VaceJob._remember", lambda *_: None)
    forgotten = list(engine.render(shot))
    assert psnr(forgotten[16], forgotten[24]) < 35, "what the model paints by itself differs"


def test_a_long_shot_does_not_fill_the_cache_with_what_it_knows(engine, short_windows, monkeypatch):
    caches = []
    made = SceneCache.from_view
    monkeypatch.setattr(
        "dollygrip_backend.video.wan_vace.SceneCache.from_view", lambda *a: caches.append(made(*a)) or caches[-1]
    )
    c2w = np.concatenate([truck(9, 0.8), truck(9, 0.8)[::-1]] * 2)
    list(engine.render(make_shot(c2w)))
    assert 2 <= len(caches[0].surfaces) <= 4, "four windows over the same ground, two views a window at most"


def test_a_zoom_and_a_shot_that_starts_elsewhere(engine, calls):
    lens = LENS * np.stack([np.linspace(1, 2, 5)] * 2 + [np.ones(5)] * 2, -1)
    shot = make_shot(np.tile(np.eye(4), (5, 1, 1)), lens=lens)
    shown = list(engine.render(shot))
    assert not calls[0]["mask"].any(), "a zoom in uncovers nothing"
    x, y = np.meshgrid(np.arange(128) + 0.5, np.arange(80) + 0.5)
    centre = shot.image[(y / 2 + 20).astype(int), (x / 2 + 32).astype(int)]
    assert psnr(shown[4], centre) > 20 > psnr(shown[4], shot.image)
    calls.clear()
    meta = {"reference": {"c2w": np.eye(4).tolist(), "intrinsics": LENS.tolist()}}
    away = make_shot(truck(6)[1:])
    away = attrs.evolve(away, trajectory=attrs.evolve(away.trajectory, meta=meta))
    assert len(list(engine.render(away))) == 5 and calls[0]["mask"][0, 0].any()


@pytest.mark.parametrize("preset", PRESETS[1:])
def test_presets_change_where_the_model_is_not_what_it_makes(folder, preset):
    full, other = (
        np.stack(list(WanVACEEngine(folder, preset=p, steps=1).render(make_shot(truck(5))))) for p in ("full", preset)
    )
    assert np.abs(full.astype(int) - other).max() <= (30 if preset == "fp8" else 1)


def test_cancel_nan_and_seeds(engine):
    shot = make_shot(truck(5))
    first, again = (np.stack(list(engine.render(shot))) for _ in range(2))
    assert (first == again).all()
    assert (np.stack(list(engine.render(attrs.evolve(shot, seed=1)))) != first).any()

    def stop(done: int, total: int) -> None:
        if done:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(engine.render(shot, stop))
    with torch.no_grad():
        next(engine._pipeline(1).transformer.parameters()).fill_(float("inf"))
    with pytest.raises(DollygripError, match="NaN or infinity in step 1 of 1") as caught:
        list(engine.render(shot))
    assert caught.value.kind == "nan"
