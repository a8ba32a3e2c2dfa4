"""The detector of everyday things: the published weights, and things where they are in pictures."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
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


def archive_of(detector: ThingDetector, file: Path) -> Path:
    """The weights as the package publishes them, a TensorFlow.js model in half precision in an archive of npm."""
    layers = [layer for layer in detector.modules() if isinstance(layer, torch.nn.Conv2d)]
    layout, numbers = [], b""
    for number, layer in enumerate(layers):
        kernel = f"PartitionedCall/split_{number}" if number else "PartitionedCall/split"
        tensors = {kernel: layer.weight.permute(2, 3, 1, 0), f"unknown_{2 * number + 1}": layer.bias}
        for name, tensor in tensors.items():
            half = {"dtype": "float16", "original_dtype": "float32"}
            layout.append({"name": name, "shape": list(tensor.shape), "dtype": "float32", "quantization": half})
            numbers += tensor.detach().half().numpy().tobytes()
    layout.insert(2, {"name": "unknown_2", "shape": [3], "dtype": "int32"})
    cut = sum(2 * int(np.prod(weight["shape"])) for weight in layout[:2])
    numbers = numbers[:cut] + np.array([1, 2, 3], np.int32).tobytes() + numbers[cut:]
    parts = {"nanodet.json": json.dumps({"weightsManifest": [{"weights": layout}]}).encode(), "nanodet.bin": numbers}
    with tarfile.open(file, "w:gz") as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(f"package/models/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file


def test_the_package_s_numbers_are_the_network_s(detector, tmp_path):
    made, shipped = published(archive_of(detector, tmp_path / "package.tgz")).state_dict(), detector.state_dict()
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
