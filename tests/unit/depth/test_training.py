"""Training: crops keep their geometry, a few steps learn, a stopped run goes on as if it had not been stopped."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from dollygrip_backend.data.augment import disturb, mirrored_crop
from dollygrip_backend.data.scenes import Scene, save_scene
from dollygrip_backend.scene.depth_network import DepthNetwork
from dollygrip_backend.training import depth
from dollygrip_backend.training.common import learning_rate
from dollygrip_backend.training.depth import edge_loss, train_depth

CONFIG = """
seed = 1
steps = 120
batch = 2
sizes = [[64, 32], [32, 64]]
portions = [0.5, 0.5]
rate = 3e-3
decay = 0.9
channels = [8, 16, 32]
blocks = 1
attention = 1
smallest_crop = 0.6
scale_invariance = 0.85
gradient_weight = 0.5
sky_weight = 0.3
focal_weight = 0.3
save_every = 50
coarse_steps = 40
coarse_batch = 4
"""


def floor_scene(height: float = 1.5, focal: float = 60.0, size: tuple[int, int] = (80, 48)) -> Scene:
    """A level camera over a floor: depth = focal * height / (row - middle), sky above."""
    below = np.arange(size[1]) + 0.5 - size[1] / 2
    with np.errstate(divide="ignore"):
        depth = np.where(below > 0, focal * height / below, np.inf)[:, None].repeat(size[0], 1)
    rgb = np.where(np.isfinite(depth)[..., None], [90, 80, 60], [150, 180, 240]).astype(np.uint8)
    intrinsics = np.array([[focal, focal, size[0] / 2, size[1] / 2]])
    return Scene("floor", rgb[None], depth[None].astype(np.float32), np.eye(4)[None], intrinsics)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(48, 32), (32, 48), (40, 40)]))
def test_a_crop_is_the_view_of_a_longer_lens(seed, size):
    """On a floor, depth over two rows is inverse to their distance from the horizon, whose step is height * fx."""
    scene = floor_scene()
    rgb, depth, zoom = mirrored_crop(scene.rgb[0], scene.depth[0], size, 0.6, np.random.default_rng(seed))
    assert rgb.shape == (size[1], size[0], 3) and depth.shape == (size[1], size[0])
    inverse = 1 / depth[np.isfinite(depth[:, 0]), 0]
    if len(inverse) < 6:
        return
    slope = (inverse[-1] - inverse[0]) / (len(inverse) - 1)  # 1 / (fx in pixels of the crop * camera height)
    focal = 60 / 80 * zoom * size[0]
    assert abs(1 / (slope * 1.5) / focal - 1) < 0.25  # rows are sampled, hence a row's error at either end


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_disturbed_pictures_stay_pictures(seed):
    random = np.random.default_rng(seed)
    out = disturb(random.integers(0, 256, (24, 32, 3), np.uint8), random)
    assert out.shape == (24, 32, 3) and out.dtype == np.float32
    assert np.isfinite(out).all() and out.min() >= 0 and out.max() <= 1


def test_edges_cost_nothing_where_the_error_is_even_and_skip_the_sky():
    error, seen = torch.full((1, 16, 16), 0.7), torch.ones(1, 16, 16, dtype=torch.bool)
    assert edge_loss(error, seen) == 0
    error[:, :8] = 5.0
    assert edge_loss(error, seen) > 0
    seen[:, :8] = False
    assert edge_loss(error, seen) == 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with data/, config.toml and the result of an unbroken run in whole/."""
    folder = tmp_path_factory.mktemp("depth")
    (folder / "data").mkdir()
    save_scene(folder / "data" / "floor.npz", floor_scene())
    (folder / "config.toml").write_text(CONFIG)
    train_depth(folder / "config.toml", folder / "data", folder / "whole")
    return folder


def test_a_stopped_run_ends_where_an_unbroken_one_does(trained, monkeypatch):
    def stop_at_70(step, *args):
        if step == 70:
            raise KeyboardInterrupt
        return learning_rate(step, *args)

    monkeypatch.setattr(depth, "learning_rate", stop_at_70)
    with pytest.raises(KeyboardInterrupt):
        train_depth(trained / "config.toml", trained / "data", trained / "broken")
    monkeypatch.undo()
    train_depth(trained / "config.toml", trained / "data", trained / "broken")
    whole, broken = (load_file(trained / f / "diffusion_pytorch_model.safetensors") for f in ("whole", "broken"))
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_a_hundred_steps_learn_one_floor(trained):
    network = DepthNetwork.from_pretrained(trained / "whole").float()
    scene = floor_scene()
    picture = torch.from_numpy(scene.rgb[0]).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        log_depth, sky, _ = network(picture)
    seen = torch.from_numpy(np.isfinite(scene.depth[0]))
    assert ((sky[0] > 0) == ~seen).float().mean() > 0.9
    error = (log_depth[0] - torch.from_numpy(scene.depth[0]).log())[seen]
    assert (error - error.median()).abs().mean() < 0.4
