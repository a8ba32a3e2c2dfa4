"""The embedded engine, asserted by geometry on small frames."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rendered_cache import rendered

from dollygrip.errors import DollygripError, InputError
from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory
from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.scene.depth import WEIGHTS as DEPTH_WEIGHTS
from dollygrip_backend.video import Shot, load_engine
from dollygrip_backend.video.embedded import STEP_HOLE, next_key
from dollygrip_backend.video.guide import FilledGuide
from dollygrip_backend.video.inpainter import InPainter

SIZE = (128, 80)
LENS = np.array([110.0, 110.0, 64.0, 40.0])


@pytest.fixture(scope="module")
def engine():
    return load_engine("embedded")


def room(size=SIZE) -> tuple[np.ndarray, np.ndarray]:
    """A textured wall with a box in front of it: image and depth."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([128 + 90 * np.sin(x / 7 + y / 19), 128 + 90 * np.cos(y / 9 - x / 23), 80 + x % 16 * 4], -1)
    depth = np.full((height, width), 5.0, np.float32)
    box = np.s_[height // 3 : height * 2 // 3, width // 3 : width * 2 // 3]
    depth[box], image[box] = 2.0, image[box] * 0.3 + [120, 20, 20]
    return image.clip(0, 255).astype(np.uint8), depth


def camera(c2w: np.ndarray, size=SIZE, lens=LENS) -> Trajectory:
    return Trajectory(c2w, np.tile(lens, (len(c2w), 1)), size, 24.0, scene_depth=5.0)


def truck(frames: int, distance: float) -> np.ndarray:
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, 0, 3] = np.linspace(0, distance, frames)
    return c2w


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return 10 * np.log10(255**2 / max(((a.astype(float) - b) ** 2).mean(), 1e-9))


def beside_outlines(depth: np.ndarray) -> np.ndarray:
    """Pixels of a guide beside which its depth, 0 in holes, jumps."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(depth, 1, mode="edge"), (3, 3))
    return around.max((2, 3)) > 1.08 * around.min((2, 3))


def test_frame_zero_is_the_reference_and_certain_pixels_are_the_caches_own(engine):
    image, depth = room()
    move = truck(5, 1.0)
    frames = list(engine.render(Shot(image, "", camera(move), SIZE, 0, depth)))
    assert len(frames) == 5 and all(f.shape == (80, 128, 3) and f.dtype == np.uint8 for f in frames)
    assert psnr(frames[0], image) >= 35
    cache = SceneCache.from_view(image, depth, np.eye(4), LENS)
    for frame, c2w in zip(frames, move, strict=True):
        guide = rendered(cache, c2w, LENS, SIZE)
        certain = ~guide.hole & ~beside_outlines(guide.depth)  # outlines become smooth
        differs = np.abs(frame[certain].astype(int) - guide.rgb[certain]).max(-1)
        # A rim that is nearly opaque lets a little of what fills the hole behind it through.
        assert differs.max() <= 26 and (differs > 2).mean() < 0.01


@pytest.mark.parametrize("beyond", [24, 200])
def test_a_camera_sees_what_the_picture_shows_beyond_its_first_frame(engine, beyond):
    width, height = SIZE
    image, depth = room((width, height + 2 * beyond))  # a tall picture in a wide shot
    depth[:] = 5.0
    rise = np.tile(np.eye(4), (3, 1, 1))
    rise[:, 1, 3] = [0, -12 * 5 / LENS[1], -24 * 5 / LENS[1]]  # by 12 and 24 rows
    frames = list(engine.render(Shot(image, "", camera(rise), SIZE, 0, depth)))
    for frame, rows in zip(frames, (0, 12, 24), strict=True):
        assert psnr(frame, image[beyond - rows : beyond - rows + height]) > 35


def test_looking_away_and_back_shows_the_same_thing(engine):
    image, depth = room()
    turn = np.radians(40) * np.sin(np.linspace(0, np.pi, 9))
    c2w = np.tile(np.eye(4), (9, 1, 1))
    c2w[:, :3, :3] = matrix_from_rotvec(np.stack([0 * turn, turn, 0 * turn], -1))
    frames = list(engine.render(Shot(image, "", camera(c2w), SIZE, 0, depth)))
    for there, back in zip(frames[:4], frames[:4:-1], strict=True):
        assert psnr(there, back) >= 40


def test_a_shot_that_moves_on_keeps_what_later_frames_see_and_is_the_same(engine, monkeypatch):
    """A pan of 5 degrees a frame, in windows of 8 frames: three quarters of a turn through a view of 60 degrees."""
    monkeypatch.setattr("dollygrip_backend.video.embedded.WINDOW", 8)
    image, depth = room()
    turn = np.radians(5) * np.arange(54)
    c2w = np.tile(np.eye(4), (54, 1, 1))
    c2w[:, :3, :3] = matrix_from_rotvec(np.stack([0 * turn, turn, 0 * turn], -1))
    shot = Shot(image, "", camera(c2w), SIZE, 0, depth)
    kept, forget = [], SceneCache.forget_unseen

    def counted(cache, *later):
        forget(cache, *later)
        kept.append(len(cache.surfaces))

    monkeypatch.setattr(SceneCache, "forget_unseen", counted)
    frames = list(engine.render(shot))
    full = kept[::2]  # the small cache is asked in between
    assert len(full) == 7 and max(full[3:]) <= max(full[1:3]) + 1
    rest = list(engine.render(shot, finished=frames[:45]))
    assert all((a == b).all() for a, b in zip(frames[45:], rest, strict=True))
    monkeypatch.setattr(SceneCache, "forget_unseen", lambda cache, *_: None)
    assert all((a == b).all() for a, b in zip(frames, engine.render(shot), strict=True))


def test_what_was_invented_moves_with_the_scene(engine):
    """A pan is a homography: the invented border of one frame, warped, is that of the next."""
    image, _ = room()
    depth = np.full(image.shape[:2], 5.0, np.float32)
    step = np.arctan(10 / LENS[0])
    c2w = np.tile(np.eye(4), (3, 1, 1))
    c2w[:, :3, :3] = matrix_from_rotvec(np.array([[0, 0, 0], [0, step, 0], [0, 2 * step, 0]]))
    frames = list(engine.render(Shot(image, "", camera(c2w), SIZE, 0, depth)))
    cache = SceneCache.from_view(frames[2], depth, c2w[2], LENS)
    warped = rendered(cache, c2w[1], LENS, SIZE)
    invented = np.zeros_like(warped.hole)
    invented[5:-5, 121:127] = True
    assert invented[~warped.hole].sum() > 300
    assert psnr(frames[1][invented & ~warped.hole], warped.rgb[invented & ~warped.hole]) > 30


def red_box(x: float) -> np.ndarray:
    """Depth (80, 128) of a box at 2 before a wall at 5, seen from x beside the reference's place, by ray casting."""
    rays = (np.arange(128) + 0.5 - LENS[2]) / LENS[0], (np.arange(80) + 0.5 - LENS[3]) / LENS[1]
    across, down = x + 2 * rays[0], 2 * rays[1]
    inside = (np.abs(down) < 0.3)[:, None] & (np.abs(across) < 0.4)[None]
    return np.where(inside, 2.0, 5.0).astype(np.float16)


def test_the_geometry_of_a_built_scene_is_kept_to_the_pixel(engine):
    positions = np.linspace(0, 1.0, 5)
    depths = np.stack([red_box(x) for x in positions])
    box = depths == 2
    image = np.where(box[0][..., None], (255, 0, 0), (0, 0, 255)).astype(np.uint8)
    shot = Shot(image, "", camera(truck(5, 1.0)), SIZE, 0, depths[0].astype(np.float32), depths)
    frames = np.stack(list(engine.render(shot)))
    assert psnr(frames[0], image) >= 35
    # What the picture never showed, the wall behind the box and beside it, may be painted in any colour but red.
    shows_red = frames[..., 0].astype(int) > frames[..., 2]
    assert (shows_red == box).mean() > 0.998
    assert list(engine.render(attrs.evolve(shot, depth=None)))[3].tobytes() == frames[3].tobytes()


@pytest.mark.parametrize(
    "bad", [np.ones((4, 80, 128), np.float16), np.zeros((5, 80, 128), np.float16), np.ones((5, 2))]
)
def test_depth_that_does_not_fit_the_frames_is_refused(engine, bad):
    image, depth = room()
    with pytest.raises(InputError, match="depth"):
        engine.render(Shot(image, "", camera(truck(5, 1.0)), SIZE, 0, depth, bad))


def test_the_reference_pose_of_the_meta_counts_not_frame_zero(engine):
    image, depth = room()
    move = truck(3, 0.8)[::-1].copy()  # ends where the reference was taken
    reference = {"c2w": np.eye(4).tolist(), "intrinsics": LENS.tolist()}
    trajectory = attrs.evolve(camera(move), meta={"reference": reference})
    frames = list(engine.render(Shot(image, "", trajectory, SIZE, 0, depth)))
    assert psnr(frames[-1], image) >= 35 > psnr(frames[0], image)


def test_a_larger_portrait_image_is_cropped_to_the_trajectorys_aspect(engine):
    image, depth = room((150, 300))
    size = (64, 96)
    trajectory = camera(truck(2, 0.3), (640, 960), np.array([600.0, 600, 320, 480]))
    frames = list(engine.render(Shot(image, "", trajectory, size, 0, depth)))
    crop = Image.fromarray(image[37:262]).resize(size, Image.Resampling.LANCZOS)
    assert len(frames) == 2 and psnr(frames[0], np.asarray(crop)) >= 30


def test_one_frame_far_aside_is_the_same_every_time(engine):
    image, depth = room()
    aside = truck(2, 1.5)
    reference = {"c2w": np.eye(4).tolist(), "intrinsics": LENS.tolist()}
    trajectory = attrs.evolve(camera(aside[1:]), meta={"reference": reference})
    (one,), (two,) = (list(engine.render(Shot(image, "", trajectory, SIZE, 1, depth))) for _ in range(2))
    assert one.shape == (80, 128, 3) and (one == two).all(), "the seed decides"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_next_pose_to_fill_is_the_emptiest_reached_in_steps(area):
    key = next_key(np.array(area))
    if max(area) <= STEP_HOLE:
        assert area[key] == max(area)
    else:
        assert area[key] > STEP_HOLE >= max(area[:key], default=0)


def test_progress_counts_frames_and_ends_the_rendering_by_raising(engine):
    image, depth = room()
    shot = Shot(image, "", camera(truck(6, 1.0)), SIZE, 0, depth)
    calls = []
    list(engine.render(shot, lambda done, total: calls.append((done, total))))
    assert calls[0] == (0, 6) and calls[-1] == (6, 6) and calls == sorted(calls)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise InterruptedError

    seen = []
    with pytest.raises(InterruptedError):
        for frame in engine.render(shot, stop):
            seen.append(frame)
    assert len(seen) == 2


@pytest.mark.parametrize("finished", [5, 96, 100])
def test_an_interrupted_shot_goes_on_with_the_next_frame(engine, finished, monkeypatch):
    """Two windows, both uncovering something: the frames that are there are not made again, the others are the same."""
    image, depth = room((64, 64))
    shot = Shot(image, "", camera(truck(104, 3.0), (64, 64), LENS / 2), (64, 64), 0, depth)
    whole, made = list(engine.render(shot)), []
    frame = FilledGuide.frame
    monkeypatch.setattr(FilledGuide, "frame", lambda guide: made.append(guide) or frame(guide))
    progress = []
    rest = list(engine.render(shot, lambda done, total: progress.append(done), whole[:finished]))
    assert len(rest) == len(made) == 104 - finished
    assert all((a == b).all() for a, b in zip(rest, whole[finished:], strict=True))
    assert progress[0] == finished and progress == sorted(progress) and progress[-1] == 104


def test_an_illegal_shot_is_refused_before_any_frame_is_asked_for(engine):
    image, depth = room()
    with pytest.raises(InputError, match="aspect"):
        engine.render(Shot(image, "", camera(truck(2, 1.0)), (128, 128), 0, depth))


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(DollygripError, match="weights") as caught:
        InPainter.load(tmp_path)
    assert caught.value.kind == "weights"


def test_weights_of_another_network_are_refused():
    with pytest.raises(InputError, match="no weights of an in-painter"):
        InPainter.load(DEPTH_WEIGHTS)
