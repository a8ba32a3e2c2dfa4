"""The pipeline with a small untrained network: what must hold whatever the weights are."""

import numpy as np
import pytest
import torch

from dollygrip.errors import InputError
from dollygrip_backend.predictor import CameraPipeline, Constraints, Keyframe
from dollygrip_backend.predictor.grounding import Grounding
from dollygrip_backend.predictor.network import CameraTransformer
from dollygrip_backend.predictor.reader import ShotReader

IMAGE = np.random.default_rng(0).integers(0, 255, (90, 160, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def pipe() -> CameraPipeline:
    torch.manual_seed(0)
    reader = ShotReader(width=48, heads=4, depth=1, decoder=1).eval()
    transformer = CameraTransformer(width=48, heads=4, depth=2, memory_width=48).eval()
    for parameter in transformer.parameters():  # an untrained output layer is zero and would show nothing
        if parameter.abs().sum() == 0:
            torch.nn.init.normal_(parameter, std=0.05)
    # An untrained reader means every move at once; the tests need any one that moves.
    torch.nn.init.constant_(reader.exists.bias, 10.0)
    torch.nn.init.zeros_(reader.ways.weight)
    reader.ways.bias.data = torch.tensor([9.0, 0.0, 0.0] * 9)
    reader.ways.bias.data[12:15] = torch.tensor([0.0, 9.0, 0.0])  # dolly in
    return CameraPipeline(
        reader, transformer, Grounding(width=32, heads=2, depth=1).eval(), CameraPipeline.fresh_scheduler()
    )


def test_frame_0_sees_the_reference(pipe):
    (take,) = pipe(IMAGE, "pan left", frames=33, view_degrees=60, scene_depth=5.0)
    assert len(take) == 33 and take.size == (160, 90) and take.scene_depth == 5.0
    np.testing.assert_array_equal(take.c2w[0], np.eye(4))
    assert 2 * np.degrees(np.arctan(80 / take.intrinsics[0, 0])) == pytest.approx(60)
    assert take.meta["reference"]["intrinsics"] == take.intrinsics[0].tolist()
    assert np.abs(take.positions).max() > 0


def test_a_take_depends_on_its_seed_alone(pipe):
    three = pipe(IMAGE, "orbit the tree", frames=20, seed=7, takes=3)
    (first,) = pipe(IMAGE, "orbit the tree", frames=20, seed=7)
    np.testing.assert_allclose(first.c2w, three[0].c2w, atol=1e-5)
    assert np.abs(three[1].c2w - three[0].c2w).max() > 1e-3
    (other,) = pipe(IMAGE, "orbit the tree", frames=20, seed=8)
    assert np.abs(other.c2w - first.c2w).max() > 1e-3


def test_a_batch_gives_what_single_calls_give(pipe):
    prompts = ["pan left", "a much longer request to push in slowly toward the old red door"]
    for prompt, take in zip(prompts, pipe.batch(IMAGE, prompts, frames=25), strict=True):
        np.testing.assert_allclose(pipe(IMAGE, prompt, frames=25)[0].c2w, take.c2w, atol=1e-4)


def test_saved_and_loaded_it_predicts_the_same(pipe, tmp_path):
    pipe.save_pretrained(tmp_path)
    again = CameraPipeline.from_pretrained(tmp_path)
    before, after = (p(IMAGE, "tilt up", frames=10)[0] for p in (pipe, again))
    np.testing.assert_allclose(before.c2w, after.c2w, atol=1e-5)
    assert not list(tmp_path.rglob("*.bin"))


def test_another_length_is_the_same_move_over_the_same_time(pipe):
    short, long = (pipe(IMAGE, "dolly in", frames=n, fps=f)[0] for n, f in ((21, 10.0), (41, 20.0)))
    np.testing.assert_allclose(short.c2w, long.c2w[::2], atol=1e-4)


@pytest.mark.parametrize("size", [(160, 90), (320, 180), (90, 90), (45, 90)])
def test_another_aspect_crops_the_image_about_its_centre(pipe, size):
    (take,) = pipe(IMAGE, "zoom in", frames=5, size=size, view_degrees=50)
    scale = max(size[0] / 160, size[1] / 90)
    assert take.intrinsics[0, 0] == pytest.approx(80 / np.tan(np.radians(25)) * scale)
    assert tuple(take.intrinsics[0, 2:]) == (size[0] / 2, size[1] / 2)


def test_progress_counts_the_steps_and_may_cancel(pipe):
    seen = []
    pipe(IMAGE, "pan", frames=5, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i + 1, 10) for i in range(10)]

    class StopError(Exception):
        pass

    def stop(done, total):
        raise StopError

    with pytest.raises(StopError):
        pipe(IMAGE, "pan", progress=stop)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prompt": "  "}, "prompt is empty"),
        ({"frames": 0}, "number of frames is 0"),
        ({"frames": 100_000}, "number of frames is 100000"),
        ({"takes": 0}, "number of takes is 0"),
        ({"image": IMAGE[..., 0]}, "reference image"),
        ({"image": IMAGE.astype(float)}, "float64"),
        ({"fps": float("nan")}, "frame rate"),
        ({"view_degrees": 200.0}, "field of view"),
        ({"depth": np.ones((10, 10))}, "10x10"),
        ({"depth": np.zeros((90, 160))}, "not positive"),
        ({"subject": (0.5, 1.5)}, "outside"),
        ({"strength": -1.0}, "strength"),
        ({"strength": 5.1}, "strength"),
    ],
)
def test_bad_input_is_named(pipe, change, says):
    with pytest.raises(InputError, match=says):
        pipe(**{"image": IMAGE, "prompt": "pan left", **change})


def test_a_batch_of_no_prompts_is_refused(pipe):
    with pytest.raises(InputError, match="prompt is empty"):
        pipe.batch(IMAGE, [])


def test_meta_tells_the_plan_and_the_room(pipe):
    [take] = pipe(IMAGE, "go in", frames=9, depth=np.full((90, 160), 2.0), subject=(0.5, 0.5))
    assert "dolly_in" in take.meta["plan"] and 0 < take.meta["clearance"] < 1
    assert "clearance" not in pipe(IMAGE, "go in", frames=9)[0].meta


def test_constraints_are_met_by_every_take(pipe):
    key = Keyframe(20, np.array([0.5, -0.2, 1.0]), np.eye(3))
    for take in pipe(IMAGE, "go in", frames=41, takes=2, scene_depth=3.0, constraints=Constraints((key,))):
        np.testing.assert_allclose(take.c2w[20, :3, 3], key.position, atol=1e-6)
        np.testing.assert_allclose(take.c2w[20, :3, :3], np.eye(3), atol=1e-6)
    path = np.array([[0, 0, 0], [0.3, 0, 0.5], [0.3, -0.4, 1.5]])
    [take] = pipe(IMAGE, "go in", frames=41, scene_depth=3.0, constraints=Constraints(path=path))
    np.testing.assert_allclose(take.positions[-1], path[-1], atol=1e-6)


def test_a_camera_keeps_its_distance_from_what_it_sees(pipe):
    depth = np.full((90, 160), 1.0)
    depth[:, 40:] = 0.25  # a wall at a quarter of the scene's depth
    for take in pipe(
        IMAGE, "go in", frames=21, takes=4, depth=depth, scene_depth=1.0, strength=3.0, subject=(0.5, 0.5)
    ):
        assert take.meta["clearance"] is None or take.meta["clearance"] > 0.05


def test_depth_without_a_scale_sets_the_scene_depth(pipe):
    depth = np.full((90, 160), 6.0)
    depth[:20] = np.inf
    (take,) = pipe(IMAGE, "orbit", frames=5, depth=depth)
    assert take.scene_depth == 6.0 and np.isfinite(take.c2w).all()
