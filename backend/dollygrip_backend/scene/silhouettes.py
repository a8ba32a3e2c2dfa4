"""Which pixels of a picture show people, by a network that has learned it on photographs: MediaPipe Selfie Segmentation
(Google 2021, github.com/google-ai-edge/mediapipe), frozen.

It is made for one person, or some who are close together, who fill most of what it sees: it is given the part of the
picture around each. An encoder after MobileNetV3 (Howard et al. 2019, arXiv 1905.02244), and a decoder that lets
through of each finer grid what a look at all of it finds worthwhile.
"""

from functools import cache
from pathlib import Path
from typing import Self

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import hardswish, interpolate, pad, relu

WEIGHTS = Path(__file__).parents[1] / "weights" / "silhouettes"
_SIDE = 256  # pixels of what the network sees


class Convolution(nn.Conv2d):
    """A convolution of which a stride of two pads as TensorFlow does: below and to the right, if not on both sides."""

    def __init__(self, inputs: int, outputs: int, side: int = 1, stride: int = 1, groups: int = 1):
        super().__init__(inputs, outputs, side, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        around = self.kernel_size[0] - self.stride[0]
        return super().forward(pad(x, (around // 2, around - around // 2) * 2) if around > 0 else x)


class Gate(nn.Module):
    """What a look at the whole (B, inputs, H, W) lets through of each channel (B, outputs, 1, 1), 0..1."""

    def __init__(self, inputs: int, inner: int, outputs: int):
        super().__init__()
        self.squeeze, self.excite = Convolution(inputs, inner), Convolution(inner, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.excite(relu(self.squeeze(x.mean((2, 3), keepdim=True)))).sigmoid()


class Bottleneck(nn.Module):
    """A depthwise convolution between two that mix channels; what goes in is added where it has the same shape."""

    def __init__(self, inputs: int, inner: int, outputs: int, side: int, stride: int, hard: bool, gate: int = 0):
        super().__init__()
        self.widen = Convolution(inputs, inner)
        self.spread = Convolution(inner, inner, side, stride, groups=inner)
        self.gate = Gate(inner, gate, inner) if gate else None
        self.narrow = Convolution(inner, outputs)
        self.bends = hardswish if hard else relu
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bends(self.spread(self.bends(self.widen(x))))
        out = self.narrow(inner * self.gate(inner) if self.gate else inner)
        return out + x if self.adds else out


class Refinement(nn.Module):
    """A step of the decoder: a coarse grid (B, inputs, h, w) and a finer one (B, width, 2 h, 2 w) -> one as fine."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.match = Convolution(inputs, width)
        self.gate = Gate(width, width, width)
        self.mix = Convolution(width, width)
        self.spread = Convolution(width, width, 3, groups=width)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        larger = self.match(interpolate(coarse, scale_factor=2, mode="bilinear"))
        mixed = relu(self.mix(fine * self.gate(fine + larger) + larger))
        return mixed + relu(self.spread(mixed))


class SilhouetteNetwork(ModelMixin, ConfigMixin):
    """forward: float (B, 3, 256, 256), sRGB in 0..1 -> (B, 1, 256, 256), how likely each pixel shows a person."""

    @register_to_config
    def __init__(self):
        super().__init__()
        self.stem = Convolution(3, 16, 3, 2)
        self.stages = nn.ModuleList(
            (
                Bottleneck(16, 16, 16, 3, 2, False, 8),
                nn.Sequential(Bottleneck(16, 72, 24, 3, 2, False), Bottleneck(24, 88, 24, 3, 1, False)),
                nn.Sequential(
                    Bottleneck(24, 96, 32, 5, 2, True, 24),
                    *(Bottleneck(32, 128, 32, 5, 1, True, 32) for _ in range(2)),
                    *(Bottleneck(32, 96, 32, 5, 1, True, 24) for _ in range(2)),
                ),
            )
        )
        self.whole, self.at_large = Convolution(32, 128), Convolution(32, 128)
        self.refine = nn.ModuleList((Refinement(128, 24), Refinement(24, 16), Refinement(16, 16)))
        self.enlarge = nn.ConvTranspose2d(16, 1, 2, 2)

    @classmethod
    @cache
    def load(cls, device: str = "cpu") -> Self:
        """The published network, one for all who ask."""
        return cls.from_pretrained(WEIGHTS, local_files_only=True).to(device).float().eval()

    def forward(self, x: Tensor) -> Tensor:
        fine = [hardswish(self.stem(x))]
        for stage in self.stages:
            fine.append(stage(fine[-1]))
        last = fine.pop()
        out = relu(self.whole(last)) * self.at_large(last.mean((2, 3), keepdim=True)).sigmoid()
        for step in self.refine:
            out = step(out, fine.pop())
        return self.enlarge(out).sigmoid()

    @torch.inference_mode()
    def likely(self, part: np.ndarray) -> np.ndarray:
        """Of a part of a picture, uint8 (h, w, 3), how likely each pixel shows a person: float32 (h, w)."""
        small = np.array(Image.fromarray(part).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR))
        seen = torch.from_numpy(small).to(self.device).permute(2, 0, 1)[None].float() / 255
        return interpolate(self(seen), part.shape[:2], mode="bilinear")[0, 0].cpu().numpy()
