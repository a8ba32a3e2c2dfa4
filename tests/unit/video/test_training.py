"""The in-painter's training and the evaluation, on scenes made by formula."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip.errors import InputError
from dollygrip_backend.data.scenes import Scene, SceneDataset, save_scene
from dollygrip_backend.evaluation.video import compare_fills, compare_shots, extend_edges, psnr, ssim_map
from dollygrip_backend.training.embedded import CONFIG, make_pair, synthetic_hole, train_embedded
from dollygrip_backend.video.inpainter import InPainter, InPaintingNetwork

SETTINGS = """
seed = 3
steps = {steps}
batch = 2
crop = [48, 32]
rate = 1e-3
decay = 0.9
channels = [8, 32]
noise = 0.2
fresh = 0.5
sampling_steps = 2
pairs_per_scene = 4
synthetic_holes = 0.5
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
    pair = make_pair(wall(), 0, 2)
    known = ~pair.hole
    assert (pair.fill.int() - pair.truth.int()).abs()[:, known].max() <= 1
    assert pair.hole[:, -16:].all() and not pair.hole[:, :-18].any()
    assert (pair.disparity == 1).all()


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
    assert any((p != q).any() for p, q in zip(one.parameters(), InPaintingNetwork((8, 32)).parameters(), strict=True))
    painter = InPainter.load(folder=tmp_path / "one")
    hole = torch.zeros(30, 50, dtype=torch.bool)
    hole[:, 40:] = True
    fill = torch.full((30, 50, 3), 90.0)
    painted = painter.paint(fill, torch.ones(30, 50), hole, torch.Generator().manual_seed(0))
    assert torch.equal(painted[~hole], fill[~hole]) and (painted[hole] != 90).any()
    scores = compare_fills(SceneDataset(data), painter) | compare_shots(SceneDataset(data), painter)
    assert all(np.isfinite(score.hole_psnr) and score.psnr > score.hole_psnr for score in scores.values())


def test_without_scenes_training_says_so(tmp_path):
    with pytest.raises(InputError, match="no scenes"):
        train_embedded(CONFIG, tmp_path, tmp_path / "out")


@given(st.floats(1, 60), st.integers(0, 1000))
@settings(max_examples=20)
def test_psnr_of_an_offset_and_ssim_of_equals(offset, seed):
    image = torch.rand(16, 20, 3, generator=torch.Generator().manual_seed(seed)) * 255
    assert psnr(image + offset, image) == pytest.approx(20 * np.log10(255 / offset), abs=1e-3)
    assert ssim_map(image, image).min() > 0.9999
    assert ssim_map(image, 255 - image).mean() < 0.2


def test_edge_extension_carries_the_border_outwards():
    rgb = torch.zeros(5, 9, 3)
    rgb[:, :4] = torch.tensor([10.0, 20, 30])
    hole = torch.zeros(5, 9, dtype=torch.bool)
    hole[:, 4:] = True
    assert torch.allclose(extend_edges(rgb, torch.ones(5, 9), hole), torch.tensor([10.0, 20, 30]).expand(5, 9, 3))
