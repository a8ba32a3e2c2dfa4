"""The in-painter's training, on scenes made by formula."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dollygrip.errors import InputError
from dollygrip_backend.data.scenes import Scene, SceneDataset, save_scene
from dollygrip_backend.evaluation.video import compare_fills, compare_shots, fills_of
from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.training.embedded import (
    CONFIG,
    Pair,
    errors_in,
    make_pair,
    mirrored,
    synthetic_hole,
    train_embedded,
)
from dollygrip_backend.video.embedded import EmbeddedEngine
from dollygrip_backend.video.guide import FilledGuide
from dollygrip_backend.video.inpainter import (
    MIRRORED_RAYS,
    RAYS,
    InPainter,
    InPaintingNetwork,
    encode_condition,
    paint_both_ways,
    paint_from_noise,
    plucker_rays,
)
from dollygrip_backend.video.reference import Reference

SETTINGS = """
seed = 3
steps = {steps}
batch = 2
rate = 1e-3
decay = 0.9
channels = [8, 32, 32]
layers = 1
block = 2
caches_per_scene = 2
views_per_cache = 2
synthetic_holes = 0.5
pure_noise = 0.5
structure = 0.5
"""


def wall(views: int = 4) -> Scene:
    """A camera that trucks along a coloured wall, 8 pixels a view: view k shows the texture 8 k pixels further on."""
    width, height = 96, 64
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack(
        [
            np.stack([128 + 100 * np.sin((x + 8 * k) / 9), 128 + 100 * np.cos(y / 7), (x + 8 * k) % 256], -1)
            for k in range(views)
        ]
    )
    c2w = np.tile(np.eye(4), (views, 1, 1))
    c2w[:, 0, 3] = np.arange(views) * 8 * 4 / 60
    lens = np.tile([60.0, 60.0, 48, 32], (views, 1))
    depth = np.full((views, height, width), 4.0, np.float32)
    return Scene("wall", rgb.clip(0, 255).astype(np.uint8), depth, c2w, lens)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    save_scene(folder / "wall.npz", wall())
    return folder


def test_a_pairs_guide_is_the_truth_where_it_is_known_and_a_hole_where_it_is_not():
    scene = wall()
    cache = SceneCache.from_view(scene.rgb[0], scene.depth[0], scene.c2w[0], scene.intrinsics[0])
    pair = make_pair(cache, scene, 0, 2)
    known = ~pair.hole
    assert np.abs(pair.fill.astype(int) - pair.truth)[:, known].max() <= 1
    assert pair.hole[:, -16:].all() and not pair.hole[:, :-18].any()
    assert np.array_equal(pair.uncovered, pair.hole) and (pair.disparity == 1).all()


@given(st.integers(0, 2**32 - 1))
def test_made_up_holes_touch_the_border_and_fit(seed):
    hole = synthetic_hole((48, 32), np.random.default_rng(seed))
    assert hole.shape == (32, 48)
    border = torch.cat([hole[0], hole[-1], hole[:, 0], hole[:, -1]])
    assert border.any() or not hole.any()


def test_training_is_reproducible_and_its_weights_paint(tmp_path, data):
    config = tmp_path / "embedded.toml"
    config.write_text(SETTINGS.format(steps=3))
    for name in ("one", "two"):
        train_embedded(config, data, tmp_path / name)
    one, two = (InPaintingNetwork.from_pretrained(tmp_path / name) for name in ("one", "two"))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert one.unet.conv_out.weight.abs().max() > 0
    save_scene(data / "second.npz", wall())
    with pytest.raises(InputError, match="its data"):
        train_embedded(config, data, tmp_path / "two")
    (data / "second.npz").unlink()
    config.write_text(SETTINGS.format(steps=4))
    with pytest.raises(InputError, match="another recipe"):
        train_embedded(config, data, tmp_path / "two")
    train_embedded(config, data, tmp_path / "two", resume=False)
    assert '"step": 4' in (tmp_path / "two" / "checkpoint" / "run.json").read_text()
    painter = InPainter.load(tmp_path / "one")
    scene = wall()
    cache = SceneCache.from_view(scene.rgb[0], scene.depth[0], scene.c2w[0], scene.intrinsics[0])
    guide = FilledGuide.seen(cache, (scene.c2w[2], scene.intrinsics[2]), scene.size)
    reference = Reference(scene.rgb[0], None, scene.depth[0], scene.c2w[0], scene.intrinsics[0])
    painted, hole = painter.paint(guide, reference), guide.hole
    assert torch.equal(painted[~hole], guide.rgb[~hole]) and (painted[hole] != guide.rgb[hole]).any()
    assert torch.equal(painted, painter.paint(guide, reference))
    engine, scenes = EmbeddedEngine(painter=painter), SceneDataset(data)
    fills, examples = compare_fills(scenes, fills_of(engine))
    shots, first = compare_shots(scenes, {"engine": engine})
    assert {"classical fill", "in-painter", "edge extension", "Telea (OpenCV)"} == set(fills)
    assert all(score.psnr > score.hole_psnr for score in (fills | shots).values())
    assert len({score.hole_psnr for score in fills.values()}) == 4, "each way fills in its own way"
    assert len(examples) == 1 and min(first) >= 35


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_the_network_takes_any_size_and_keeps_what_is_known(width, height, seed):
    random = torch.manual_seed(seed)  # of all of torch: the network's weights are drawn, too
    network = InPaintingNetwork((8, 32, 32), 1, 2)
    torch.nn.init.normal_(network.unet.conv_out.weight)
    fill, reference, noise = torch.rand(3, 1, 3, height, width, generator=random)
    hole = torch.rand(1, height, width, generator=random) < 0.5
    rays = plucker_rays(np.eye(4), np.array([50.0, 50, width / 2, height / 2]), (width, height), 1.0)[None]
    condition = encode_condition(fill, hole, torch.ones(1, height, width), rays, reference)
    with torch.inference_mode():
        one, three = (paint_from_noise(network, condition, noise, steps) for steps in (1, 3))
        both = paint_both_ways(network, condition, noise, 1)
        mirrored = condition.flip(3)
        mirrored[:, RAYS] *= torch.tensor(MIRRORED_RAYS)[:, None, None]
        again = paint_both_ways(network, mirrored, noise, 1).flip(3)
        torch.testing.assert_close(again, both, atol=1e-3 * float(both.abs().max() + 1), rtol=0)
    kept = ~hole[:, None].expand_as(fill)
    assert one.shape == three.shape == fill.shape and not one[kept].any() and not three[kept].any()
    assert not hole.any() or (one.any() and (one != three).any())


@given(st.floats(-1, 1), st.floats(-1, 1), st.integers(0, 47), st.integers(0, 31))
def test_plucker_rays_pass_through_their_pixels_and_mirror_with_the_picture(across, yaw, x, y):
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    pose[:3, 3] = [across, 0.2, 0.3]
    lens = np.array([40.0, 40, 24, 16])
    direction, moment = plucker_rays(pose, lens, (48, 32), 2.0)[:, y, x].double().numpy().reshape(2, 3)
    along = pose[:3, :3] @ [(x + 0.5 - 24) / 40, (y + 0.5 - 16) / 40, 1]
    point = pose[:3, 3] + 3.0 * along  # any point of the ray has the ray's moment
    assert np.cross(direction, along) == pytest.approx(0, abs=1e-5)
    assert np.arctanh(moment) == pytest.approx(np.cross(point / 2, direction), abs=1e-4)
    mirror = np.diag([-1.0, 1, 1])
    there = pose.copy()
    there[:3, :3], there[:3, 3] = mirror @ pose[:3, :3] @ mirror, mirror @ pose[:3, 3]
    plain = np.zeros((32, 48))
    rays = plucker_rays(pose, lens, (48, 32), 2.0).numpy().astype(np.float16)
    pair = Pair(plain, plain, plain, plain, plain, plain, rays)
    assert mirrored(pair).rays == pytest.approx(plucker_rays(there, lens, (48, 32), 2.0).numpy(), abs=2e-3)


@given(st.floats(0.01, 0.3))
def test_an_error_counts_where_the_hole_is_seen(offset):
    truth = torch.rand(2, 3, 20, 24, generator=torch.Generator().manual_seed(1))
    where = torch.zeros(2, 20, 24, dtype=torch.bool)
    where[:, :, 12:] = True
    picture = truth.clone()
    picture[0, :, :, 12:] += offset
    picture[1, :, :, :12] += offset
    squared, unlike = errors_in(picture, truth, where)
    assert squared[0] == pytest.approx(offset**2, rel=1e-3) and squared[1] == 0
    assert unlike[0] > unlike[1] >= -1e-5


def test_without_scenes_training_says_so(tmp_path):
    with pytest.raises(InputError, match="no scenes"):
        train_embedded(CONFIG, tmp_path, tmp_path / "out")
