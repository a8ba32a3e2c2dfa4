"""The network of silhouettes: the published weights, and people where pictures show them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from npm_archives import archive_of

from dollygrip_backend.files import read_image
from dollygrip_backend.scene.silhouettes import WEIGHTS, SilhouetteNetwork
from dollygrip_backend.training.silhouettes import published

PICTURES = Path(__file__).parents[2] / "data" / "pictures"


@pytest.fixture(scope="module")
def network() -> SilhouetteNetwork:
    return SilhouetteNetwork.load()


def graph_of(network: SilhouetteNetwork) -> tuple[list[dict], dict[str, torch.Tensor]]:
    """The nodes and tensors of a graph with the network's layers in their order, one of whose biases is added later."""
    nodes, tensors = [], {}
    layers = [one for one in network.modules() if isinstance(one, torch.nn.Conv2d | torch.nn.ConvTranspose2d)]
    for number, layer in enumerate(layers):
        enlarges = isinstance(layer, torch.nn.ConvTranspose2d)
        deep = not enlarges and layer.groups > 1
        op = "Conv2DBackpropInput" if enlarges else "DepthwiseConv2dNative" if deep else "Conv2D"
        tensors[f"kernel{number}"] = layer.weight.permute((2, 3, 0, 1) if deep else (2, 3, 1, 0))
        tensors[f"bias{number}"] = layer.bias
        nodes.append({"name": f"layer{number}", "op": op, "input": ["before", f"kernel{number}:0"]})
        if number == 9:
            nodes.append({"name": "sum", "op": "AddN", "input": [f"layer{number}", "before"]})
            nodes.append({"name": "added", "op": "AddV2", "input": [f"bias{number}", "sum:0"]})
        else:
            nodes.append({"name": f"added{number}", "op": "Add", "input": [f"layer{number}", f"bias{number}"]})
    return nodes, tensors


def test_the_package_s_numbers_are_the_network_s(network, tmp_path):
    nodes, tensors = graph_of(network)
    made = published(archive_of(tmp_path / "package.tgz", "selfie", tensors, nodes)).state_dict()
    shipped = network.state_dict()
    assert made.keys() == shipped.keys()
    assert all(torch.equal(values, shipped[name]) for name, values in made.items())


def test_a_person_is_told_from_what_is_around(network):
    """In a render, which the network was not made for: a woman before a wall, and the wall."""
    friends = read_image(PICTURES / "friends.jpg")
    likely = network.likely(friends[:, 180:340])
    assert likely.shape == (friends.shape[0], 160) and likely.dtype == np.float32
    assert likely[110:200, 70:110].mean() > 0.8 and likely[:60, :40].mean() < 0.1


@pytest.mark.parametrize("shape", [(16, 16, 3), (16, 400, 3), (900, 30, 3), (1, 1, 3)])
def test_nothing_is_shown_by_a_flat_picture_of_any_shape(network, shape):
    likely = network.likely(np.full(shape, 128, np.uint8))
    assert likely.shape == shape[:2] and likely.max() < 0.5


def test_the_weights_are_small_and_say_whose_they_are():
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 3e5
    card = (WEIGHTS / "MODEL_CARD.md").read_text()
    assert all(word in card for word in ("MediaPipe", "Apache", "dollygrip_backend.training.silhouettes"))
    assert "Apache License" in (WEIGHTS / "LICENSE").read_text()
