"""The detector of everyday things: the published weights, and things where they are in pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from npm_archives import archive_of
from PIL import Image

from dollygrip_backend.files import read_image
from dollygrip_backend.scene.things import KINDS, PERSON, WEIGHTS, ThingDetector
from dollygrip_backend.training.things import published

PICTURES = Path(__file__).parents[2] / "data" / "pictures"
KINDS_BY_NAME = {name: number for number, name in enumerate((WEIGHTS / "kinds.txt").read_text().splitlines())}
# By eye, left, top, right and bottom of what the pictures show.
SHOWN = {
    "friends": ("person", [(0.06, 0.22, 0.29, 1), (0.45, 0.17, 0.66, 1), (0.67, 0.3, 0.8, 1)]),
    "sofa": ("couch", [(0.1, 0.57, 0.76, 1)]),
    "street": ("traffic light", [(0.1, 0.27, 0.15, 0.45), (0.17, 0.33, 0.22, 0.47)]),
    "gravel": ("person", [(0.39, 0.06, 0.58, 0.97)]),
}


@pytest.fixture(scope="module")
def detector() -> ThingDetector:
    return ThingDetector.load()


def test_the_package_s_numbers_are_the_network_s(detector, tmp_path):
    tensors = {"unknown_2": torch.tensor([1, 2, 3], dtype=torch.int32)}
    for number, layer in enumerate(layer for layer in detector.modules() if isinstance(layer, torch.nn.Conv2d)):
        kernel = f"PartitionedCall/split_{number}" if number else "PartitionedCall/split"
        tensors |= {kernel: layer.weight.permute(2, 3, 1, 0), f"unknown_{2 * number + 1}": layer.bias}
    made = published(archive_of(tmp_path / "package.tgz", "nanodet", tensors)).state_dict()
    shipped = detector.state_dict()
    assert made.keys() == shipped.keys()
    assert all(torch.equal(values, shipped[name]) for name, values in made.items())


@pytest.mark.parametrize("longest", [None, 400, 1600])
@pytest.mark.parametrize("name", SHOWN)
def test_things_are_found_where_the_picture_shows_them(detector, name, longest):
    picture = read_image(PICTURES / f"{name}.jpg")
    if longest:
        scale = longest / max(picture.shape)
        picture = np.array(Image.fromarray(picture).resize([round(side * scale) for side in picture.shape[1::-1]]))
    kind, boxes = SHOWN[name]
    found = [thing for thing in detector.find(picture) if thing.kind == KINDS_BY_NAME[kind] and thing.likelihood > 0.5]
    assert np.array(sorted(thing.box for thing in found)) == pytest.approx(np.array(boxes), abs=0.04)


@pytest.mark.parametrize("name", ["still_life", "table", "loft", "friends"])
def test_the_likeliest_come_first_within_the_picture_and_each_once(detector, name):
    found = detector.find(read_image(PICTURES / f"{name}.jpg"))
    likely = [thing.likelihood for thing in found]
    assert likely == sorted(likely, reverse=True) and 0.35 <= likely[-1] <= likely[0] < 1
    for thing in found:
        left, top, right, bottom = thing.box
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1 and 0 <= thing.kind < KINDS
    for kind in {thing.kind for thing in found}:
        boxes = torch.tensor([thing.box for thing in found if thing.kind == kind])
        assert (np.triu(box_iou(boxes), 1) <= 0.6).all()


def box_iou(boxes: torch.Tensor) -> np.ndarray:
    shared = torch.minimum(boxes[:, None, 2:], boxes[:, 2:]) - torch.maximum(boxes[:, None, :2], boxes[:, :2])
    shared, areas = shared.clamp_min(0).prod(2), (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return (shared / (areas[:, None] + areas - shared)).numpy()


def test_a_picture_is_looked_at_once_however_often_it_is_asked_for(detector, monkeypatch):
    first, second = (read_image(PICTURES / f"{name}.jpg") for name in ("friends", "loft"))
    found = [detector.find(picture) for picture in (first, second)]
    looked = []
    look = ThingDetector._found_in
    monkeypatch.setattr(ThingDetector, "_found_in", lambda self, picture: looked.append(1) or look(self, picture))
    assert detector.find(second.copy()) == found[1] and not looked
    assert detector.find(first) == detector.find(first) == found[0] and len(looked) == 1
    assert ThingDetector.load() is detector


@pytest.mark.parametrize("shape", [(16, 16, 3), (16, 400, 3), (900, 30, 3), (96, 160, 3), (1, 1, 3)])
def test_in_a_flat_picture_there_is_nothing(detector, shape):
    for grey in (0, 128, 255):
        assert detector.find(np.full(shape, grey, np.uint8)) == []


def test_the_weights_are_small_and_say_whose_they_are():
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 8e6
    assert len(KINDS_BY_NAME) == KINDS and KINDS_BY_NAME["person"] == PERSON
    card = (WEIGHTS / "MODEL_CARD.md").read_text()
    assert all(word in card for word in ("NanoDet", "COCO", "Apache", "dollygrip_backend.training.things"))
    assert "Apache License" in (WEIGHTS / "LICENSE").read_text()
