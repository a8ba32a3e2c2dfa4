"""Makes the weights of the face detector from the package that publishes them.

pip install --no-deps facenet-pytorch==2.6.0
python -m dollygrip_backend.training.faces OUT
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from dollygrip_backend.scene.faces import FaceDetector
from dollygrip_backend.training.torch_files import folder_of, tensors_in

PACKAGE = "facenet_pytorch"


def package_folder() -> Path:
    """Where the weights lie in the installed package, which is not imported."""
    return folder_of(PACKAGE) / "data"


def published(folder: Path) -> FaceDetector:
    """The detector with the weights in `folder`."""
    detector = FaceDetector()
    for network, file in ((detector.propose, "pnet"), (detector.refine, "rnet"), (detector.output, "onet")):
        weights = tensors_in(folder / f"{file}.pt")
        layers = [layer for layer in network if isinstance(layer, nn.Conv2d | nn.Linear | nn.PReLU)]
        for layer, tensors in zip(layers, _by_layer(weights), strict=True):
            for name, values in tensors.items():
                getattr(layer, name).data.copy_(_in_our_order(values, layer, network))
    return detector.eval()


def _by_layer(weights: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """A network's tensors, layer by layer; the last ones, of likelihoods, boxes and landmarks, as one."""
    layers = {}
    for key, values in weights.items():
        name, part = key.split(".")
        first = name.split("_")[0]
        known = layers.setdefault(first, {})
        known[part] = torch.cat([known[part], values]) if part in known else values
    return list(layers.values())


def _in_our_order(values: Tensor, layer: nn.Module, network: nn.Sequential) -> Tensor:
    """The first dense layer reads what the convolutions give by column, row and channel there, by channel, row and
    column here."""
    before = network[list(network).index(layer) - 1]
    if not isinstance(before, nn.Flatten) or values.ndim < 2:
        return values
    channels = [part for part in network if isinstance(part, nn.Conv2d)][-1].out_channels
    side = round((values.shape[1] / channels) ** 0.5)
    return values.unflatten(1, (side, side, channels)).permute(0, 3, 2, 1).flatten(1)


if __name__ == "__main__":
    published(package_folder()).half().save_pretrained(sys.argv[1])
