"""Where there are everyday things in a picture, of eighty kinds, by a network that has learned them on photographs:
NanoDet-g (RangiLyu 2021, github.com/RangiLyu/nanodet), frozen.

One look at the whole picture gives, at each place of three grids, how likely a thing of each kind has its middle there,
and how far from there its four sides are, each as a distribution (generalized focal loss, Li et al. 2020, arXiv
2006.04388). Rendered scenes teach the grounding little of what a motorcycle or a microwave looks like in a photograph.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Self

import attrs
import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pad

from dollygrip_backend.scene.boxes import Boxed, different

WEIGHTS = Path(__file__).parents[1] / "weights" / "things"
KINDS = 80  # of things, those of COCO; their names are in kinds.txt beside the weights
PERSON = 0  # the first of them
_LONGEST = 416, 608  # pixels of the picture's longer side at each look: as in training, and for what is small
_STRIDES = 8, 16, 32  # pixels from one place to the next on each grid
_DISTANCES = 11  # 0 to 10 strides, at which a side may lie
_WIDTH = 128  # channels of the grids
_MEAN, _DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)  # of blue, green and red
_LIKELY = 0.35  # the least likelihood of a thing
_SAME = 0.6  # the overlap of two boxes that show one thing


@attrs.frozen
class Thing(Boxed):
    """A thing in a picture: kind, the line of kinds.txt that names it; likelihood that it is one; box: left, top,
    right, bottom in shares of the picture's width and height, x right and y down, within the picture."""

    kind: int
    likelihood: float
    box: tuple[float, float, float, float]


class Convolution(nn.Conv2d):
    """A convolution as wide as it is high that keeps the size, or halves it, and a leaky rectifier."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__(inputs, outputs, 3, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(super().forward(x), 0.1)


class PartialStage(nn.Module):
    """A stage of which a part goes round the inner convolutions (CSPNet, Wang et al. 2020, arXiv 1911.11929): `inputs`
    channels -> twice `outputs`."""

    def __init__(self, inputs: int, outputs: int, rounds: int, stride: int):
        super().__init__()
        half = outputs // 2
        self.first = Convolution(inputs, outputs, stride)
        self.inner = nn.ModuleList(
            nn.ModuleList((Convolution(outputs, half), Convolution(half, half))) for _ in range(rounds)
        )
        self.last = Convolution(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = around = self.first(x)
        for one, other in self.inner:
            half = one(x)
            x = torch.cat((other(half), half), 1)
        return torch.cat((self.last(x), around), 1)


class ThingDetector(ModelMixin, ConfigMixin):
    """forward: float (1, 3, H, W), blue, green and red in 0..255, sides multiples of 32 -> for each of _STRIDES the
    logits (KINDS, h, w) of kinds and those of the sides' distances (4, _DISTANCES, h, w): left, top, right, bottom."""

    @register_to_config
    def __init__(self):
        super().__init__()
        self.stem = Convolution(3, 32, 2)
        self.stages = nn.ModuleList(
            (
                PartialStage(32, 32, 1, 1),
                PartialStage(64, 64, 2, 2),
                PartialStage(128, 128, 2, 2),
                PartialStage(256, 256, 3, 2),
            )
        )
        self.grids = nn.ModuleList(nn.Conv2d(width, _WIDTH, 1) for width in (128, 256, 512))
        self.heads = nn.ModuleList(
            nn.Sequential(Convolution(_WIDTH, _WIDTH), nn.Conv2d(_WIDTH, KINDS + 4 * _DISTANCES, 1)) for _ in _STRIDES
        )
        self._last: tuple[tuple | None, list[Thing]] = None, []
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION)[:, None, None], persistent=False)

    @classmethod
    @cache
    def load(cls, device: str = "cpu") -> Self:
        """The detector with its weights, ready to use; one for all who ask."""
        network = cls.from_pretrained(WEIGHTS, local_files_only=True, torch_dtype=torch.float32).to(device)
        return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)

    def forward(self, picture: Tensor) -> list[tuple[Tensor, Tensor]]:
        x = nn.functional.max_pool2d(self.stem((picture - self.mean) / self.deviation), 3, 2, 1)
        grids = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number:
                grids.append(self.grids[number - 1](x))
        # What the coarse grids know goes to the fine ones, then back (path aggregation, Liu et al. 2018).
        for k in (1, 0):
            grids[k] = grids[k] + _resized(grids[k + 1], grids[k])
        for k in (1, 2):
            grids[k] = grids[k] + _resized(grids[k - 1], grids[k])
        outputs = [head(grid)[0] for head, grid in zip(self.heads, grids, strict=True)]
        return [(seen[:KINDS], seen[KINDS:].unflatten(0, (4, _DISTANCES))) for seen in outputs]

    @torch.inference_mode()
    def find(self, image: np.ndarray) -> list[Thing]:
        """The things in a picture, uint8 (H, W, 3), the likeliest first. Those of the last picture are remembered: its
        depth and what it shows are asked one after the other."""
        fingerprint = image.shape, hashlib.sha256(np.ascontiguousarray(image)).digest()
        if self._last[0] != fingerprint:
            self._last = fingerprint, self._found_in(image)
        return list(self._last[1])

    def _found_in(self, image: np.ndarray) -> list[Thing]:
        looks = [self._look_at(image, longest) for longest in _LONGEST]
        boxes, kinds, likely = (torch.cat(parts) for parts in zip(*looks, strict=True))
        kept = different(boxes + 2 * kinds[:, None], likely, _SAME)  # apart by kind: none overlaps another's
        boxes = boxes.clamp(0, 1)
        return [Thing(int(kinds[k]), float(likely[k]), tuple(boxes[k].tolist())) for k in kept.tolist()]

    def _look_at(self, image: np.ndarray, longest: int) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes (N, 4) in shares of the picture, kinds (N,) and likelihoods (N,) of what may be things, at this size of
        the picture's longer side in pixels."""
        height, width = image.shape[:2]
        scale = longest / max(height, width)
        sides = [max(1, round(width * scale)), max(1, round(height * scale))]
        small = Image.fromarray(image).resize(sides, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
        picture = torch.from_numpy(np.array(small)).to(self.device).permute(2, 0, 1)[None].float().flip(1)
        right, below = (-side % _STRIDES[-1] for side in sides)
        boxes, kinds, likely = _decoded(self(pad(picture, (0, right, 0, below))))
        return boxes / boxes.new_tensor(sides * 2), kinds, likely


def _resized(grid: Tensor, like: Tensor) -> Tensor:
    return interpolate(grid, like.shape[2:], mode="bilinear")


def _decoded(outputs: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes (N, 4) in pixels, kinds (N,) and likelihoods (N,) of what may be things, by outputs of `ThingDetector`."""
    found = []
    for (logits, distances), stride in zip(outputs, _STRIDES, strict=True):
        likely = logits.sigmoid()
        kind, row, column = (likely >= _LIKELY).nonzero().T
        sides = distances[..., row, column].softmax(1)
        left, top, right, bottom = torch.einsum("sdn,d->sn", sides, torch.arange(_DISTANCES).to(sides)) * stride
        x, y = (column + 0.5) * stride, (row + 0.5) * stride
        found.append((torch.stack((x - left, y - top, x + right, y + bottom), 1), kind, likely[kind, row, column]))
    return tuple(torch.cat(parts) for parts in zip(*found, strict=True))
