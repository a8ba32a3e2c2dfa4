"""Features of a picture from an encoder that has learned a thousand kinds of things on photographs.

The grounding, which is trained on rendered scenes, reads them beside the pixels: no rendered scene can tell it what a
dog, a lamp or a wall looks like in a photograph. The encoder is EfficientNet-Lite0 (Tan & Le 2019, arXiv 1905.11946;
Lite: no squeeze-and-excitation, ReLU6), frozen; its normalisation is folded into the convolutions.
"""

from pathlib import Path
from typing import Self

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = 112, 320  # channels at 1/8 and 1/16 of the picture's size
WEIGHTS = Path(__file__).parents[1] / "weights" / "features"
KINDS = 1000  # of things that the encoder tells apart; their names are in kinds.txt beside the weights
_STEM, _HEAD = 32, 1280
# Layers, kernel, stride, expansion, channels of each stage; see table 1 of the paper.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class Convolution(nn.Module):
    """A convolution that pads as TensorFlow does, for which the weights were learned: where the stride is two, the odd
    pixel lies on the right and below."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True):
        super().__init__()
        before = (kernel - stride) // 2
        after = kernel - stride - before
        self.uneven = (before, after) * 2 if before != after else None
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, 0 if self.uneven else before, groups=groups)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(functional.pad(x, self.uneven) if self.uneven else x)
        return functional.relu6(x, inplace=True) if self.relu else x


class InvertedBottleneck(nn.Module):
    """Expansion, one convolution in each channel, projection; beside a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = inputs * expansion
        expand = [Convolution(inputs, inner, 1)] if expansion > 1 else []
        self.layers = nn.Sequential(
            *expand,
            Convolution(inner, inner, kernel, stride, groups=inner),
            Convolution(inner, outputs, 1, relu=False),
        )
        self.shortcut = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.shortcut else self.layers(x)


class Reading(nn.Module):
    """Features (B, C, h, w) as channels of a network's own grid (B, channels, h, w); nothing before it is trained."""

    def __init__(self, features: int, channels: int):
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.project = nn.Linear(features, channels)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class PictureFeatures(ModelMixin, ConfigMixin):
    """forward: float (B, 3, H, W), sRGB in 0..1, sides multiples of 16 -> two tensors (B, channels, h, w) of 1/8 and
    1/16 of the picture's size, with the channels of WIDTHS."""

    @register_to_config
    def __init__(self):
        super().__init__()
        self.stem = Convolution(3, _STEM, 3, 2)
        self.stages, inputs = nn.ModuleList(), _STEM
        for layers, kernel, stride, expansion, outputs in _STAGES:
            blocks = []
            for k in range(layers):
                blocks.append(InvertedBottleneck(inputs, outputs, kernel, stride if k == 0 else 1, expansion))
                inputs = outputs
            self.stages.append(nn.Sequential(*blocks))
        self.head, self.kinds = Convolution(inputs, _HEAD, 1), nn.Conv2d(_HEAD, KINDS, 1)

    @classmethod
    def load(cls, device: str | torch.device = "cpu") -> Self:
        """The encoder with its weights, ready to use."""
        network = cls.from_pretrained(WEIGHTS, local_files_only=True, torch_dtype=torch.float32).to(device)
        return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        # Twice as large: small pictures show things at the size at which the encoder has learned them.
        x = self.stem((functional.interpolate(picture, scale_factor=2.0, mode="bilinear") * 255 - 127) / 128)
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs[4], outputs[6]

    def kinds_in(self, picture: Tensor) -> Tensor:
        """The likelihoods (B, KINDS, h, w) of kinds of things at each cell of 1/16 of the picture's size: the
        encoder's classifier, which is linear, before it takes the mean over the picture (class activation maps, Zhou
        et al. 2016)."""
        return self.kinds(self.head(self(picture)[-1])).softmax(1)
