"""The picture features: the published encoder's, which knows what photographs show."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from dollygrip_backend.predictor.familiar import MEANINGS, NAMES
from dollygrip_backend.predictor.picture_features import KINDS, WEIGHTS, WIDTHS, PictureFeatures
from dollygrip_backend.training.features import meanings, package_file, published

PICTURES = Path(__file__).parents[2] / "data" / "pictures"
SOFA = 831  # of the thousand kinds of ImageNet: a studio couch


@pytest.fixture(scope="module")
def features() -> PictureFeatures:
    return PictureFeatures.load()


def test_the_weights_are_those_of_the_package(features):
    made, shipped = published(package_file()).state_dict(), features.state_dict()
    assert made.keys() == shipped.keys()
    for name, values in made.items():  # another processor rounds a few the other way: a step of half precision
        torch.testing.assert_close(values.half().float(), shipped[name], rtol=2**-10, atol=0)


def test_the_meanings_are_those_of_the_names():
    made, shipped = meanings(WEIGHTS / NAMES), load_file(WEIGHTS / MEANINGS)
    assert torch.equal(made["kinds"], shipped["kinds"]) and shipped["kinds"].unique().tolist() == list(range(KINDS))
    torch.testing.assert_close(made["meanings"], shipped["meanings"], rtol=0, atol=2e-3)  # threads, other processors


def test_a_sofa_is_known_for_one(features):
    image = Image.open(PICTURES / "sofa.jpg").convert("RGB").resize((144, 112))
    picture = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        kinds = features.kinds_in(picture)[0]
    assert kinds.shape == (KINDS, 7, 9) and torch.allclose(kinds.sum(0), torch.ones(7, 9), atol=1e-4)
    assert kinds.mean((1, 2)).argmax() == SOFA
    assert "sofa" in (WEIGHTS / NAMES).read_text("utf-8").splitlines()[SOFA].split(", ")


def test_each_grid_is_aligned_with_the_picture(features):
    """A spot in the middle of one coarse cell changes the features most there, on every grid."""
    plain = torch.full((1, 3, 96, 160), 0.5)
    spotted = plain.clone()
    spotted[:, :, 36:44, 100:108] = 1.0
    with torch.inference_mode():
        for before, after, channels, side in zip(features(plain), features(spotted), WIDTHS, (8, 16), strict=True):
            assert before.shape == (1, channels, 96 // side, 160 // side)
            change = (after - before).norm(dim=1)[0].numpy()
            row, column = np.unravel_index(change.argmax(), change.shape)
            assert abs((row + 0.5) * side - 40) <= side and abs((column + 0.5) * side - 104) <= side


def test_the_weights_are_small_and_say_whose_they_are():
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 12e6
    card = (WEIGHTS / "MODEL_CARD.md").read_text()
    origin = "Apache-2.0", "EfficientNet-Lite0", "ImageNet", "dollygrip_backend.training.features"
    assert all(word in card for word in origin)
    assert "Apache License" in (WEIGHTS / "LICENSE").read_text()
