"""Where there are faces in a picture, by three small networks one after the other: a cascade for faces and their
landmarks (MTCNN, Zhang et al. 2016, arXiv 1604.02878), frozen.

The first looks at every place of a pyramid of sizes, the second and third at what the one before left over. Rendered
scenes teach the grounding no face of a photograph or a drawing; nobody's face is known from another's.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import attrs
import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from dollygrip_backend.scene.boxes import Boxed, different

WEIGHTS = Path(__file__).parents[1] / "weights" / "faces"
_LONGEST = 480  # pixels of the picture's longer side, to which it is brought
_SMALLEST = 20  # pixels of a face
_STEP = 0.709  # from one size of the pyramid to the next: half the area
_WINDOW, _STRIDE = 12, 2  # pixels that the first network sees of each place, and from one to the next
_LIKELY = 0.6, 0.7, 0.95  # the least likelihood of a face that each network lets pass; only sure ones at the end
_SAME = 0.7  # the overlap of two boxes that show one face


@attrs.frozen(eq=False)
class Face(Boxed):
    """A face in a picture, in shares of the picture's width and height, x right and y down.

    box: left, top, right, bottom, which may lie beyond the picture; points float (5, 2): the eye on the left of the
    picture and the one on the right, the tip of the nose, the left and the right corner of the mouth; likelihood: that
    it is a face, when the box itself is looked at. A chair may have passed for one before.
    """

    box: tuple[float, float, float, float]
    points: np.ndarray
    likelihood: float = 1.0


def _convolved(*widths: int, kernels: Sequence[int], pools: Sequence[int]) -> nn.Sequential:
    """Convolutions with rectifiers that learn their slope (PReLU); pools: the side of the pooling after each."""
    layers = []
    for k, (kernel, pool) in enumerate(zip(kernels, pools, strict=True)):
        layers += [nn.Conv2d(widths[k], widths[k + 1], kernel), nn.PReLU(widths[k + 1])]
        layers += [nn.MaxPool2d(pool, 2, ceil_mode=True)] if pool else []
    return nn.Sequential(*layers)


class FaceDetector(ModelMixin, ConfigMixin):
    """The three networks: `propose` looks at places, `refine` and `output` at squares of 24 and 48 pixels.

    Each gives logits (no face, face) and how far the box's sides are off, in units of the box; `output` five landmarks
    in the box, too, first all x, then all y.
    """

    @register_to_config
    def __init__(self):
        super().__init__()
        self.propose = _convolved(3, 10, 16, 32, kernels=(3, 3, 3), pools=(2, 0, 0))
        self.propose.append(nn.Conv2d(32, 2 + 4, 1))
        self.refine = _convolved(3, 28, 48, 64, kernels=(3, 3, 2), pools=(3, 3, 0))
        self.refine.extend([nn.Flatten(), nn.Linear(576, 128), nn.PReLU(128), nn.Linear(128, 2 + 4)])
        self.output = _convolved(3, 32, 64, 64, 128, kernels=(3, 3, 3, 2), pools=(3, 3, 2, 0))
        self.output.extend([nn.Flatten(), nn.Linear(1152, 256), nn.PReLU(256), nn.Linear(256, 2 + 4 + 10)])

    @classmethod
    def load(cls, device: str | torch.device = "cpu") -> Self:
        """The detector with its weights, ready to use."""
        network = cls.from_pretrained(WEIGHTS, local_files_only=True, torch_dtype=torch.float32)
        return network.to(device).eval().requires_grad_(False)

    @torch.inference_mode()
    def find(self, image: np.ndarray) -> list[Face]:
        """The faces in a picture, uint8 (H, W, 3), the largest first: those of a twenty-fourth of its longer side and
        more."""
        height, width = image.shape[:2]
        scale = _LONGEST / max(height, width)
        sides = np.array([max(1, round(width * scale)), max(1, round(height * scale))])
        small = Image.fromarray(image).resize(sides, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
        picture = torch.from_numpy(np.array(small)).to(self.device).permute(2, 0, 1)[None].float()
        picture = (picture - 127.5) / 128
        boxes = self._proposed(picture)
        boxes, _ = self._looked_at(picture, boxes, self.refine, 24, _LIKELY[1])
        boxes, points = self._looked_at(picture, boxes, self.output, 48, _LIKELY[2])
        found = [
            Face(
                tuple(float(side) for side in (box.cpu().numpy().reshape(2, 2) / sides).ravel()),
                marks.cpu().numpy() / sides,
                self._likely(picture, box),
            )
            for box, marks in zip(boxes, points, strict=True)
        ]
        return sorted(found, key=lambda face: -face.height)

    def _likely(self, picture: Tensor, box: Tensor) -> float:
        """How likely it is a face that a box shows, at a look at the box itself."""
        return float(self.output(_cut(picture, _squared(box[None])[0], 48))[0, :2].softmax(0)[1])

    def _proposed(self, picture: Tensor) -> Tensor:
        """Squares (N, 4) of a picture that may show a face."""
        boxes, scores, scale = [], [], _WINDOW / _SMALLEST
        while min(picture.shape[2:]) * scale >= _WINDOW:
            seen = self.propose(_resized(picture, tuple(int(side * scale) + 1 for side in picture.shape[2:])))[0]
            likely = seen[:2].softmax(0)[1]
            there = likely > _LIKELY[0]
            corner = there.nonzero().flip(1) * _STRIDE / scale
            found = torch.cat([corner, corner + _WINDOW / scale], 1)
            kept = different(found, likely[there], 0.5)
            boxes.append(_moved(found, seen[2:6, there].T)[kept])
            scores.append(likely[there][kept])
            scale *= _STEP
        boxes, scores = torch.cat(boxes or [picture.new_zeros(0, 4)]), torch.cat(scores or [picture.new_zeros(0)])
        return _squared(boxes[different(boxes, scores, _SAME)])

    def _looked_at(
        self, picture: Tensor, boxes: Tensor, network: nn.Module, side: int, least: float
    ) -> tuple[Tensor, Tensor]:
        """The squares that `network` takes for faces, fitted to them, and the landmarks (N, 5, 2) that it gives, if it
        does."""
        if not len(boxes):
            return boxes, boxes.new_zeros(0, 5, 2)
        seen = network(torch.cat([_cut(picture, box, side) for box in boxes]))
        likely = seen[:, :2].softmax(1)[:, 1]
        kept = likely > least
        boxes, seen, likely = boxes[kept], seen[kept], likely[kept]
        marks = boxes[:, None, :2] + seen[:, 6:].unflatten(1, (2, -1)).mT * (boxes[:, 2:] - boxes[:, :2])[:, None]
        boxes = _moved(boxes, seen[:, 2:6])
        last = seen.shape[1] > 6
        kept = different(boxes, likely, _SAME, of_smaller=last)
        return (boxes if last else _squared(boxes))[kept], marks[kept]


def _moved(boxes: Tensor, by: Tensor) -> Tensor:
    """Boxes (N, 4) with each side moved by a share (N, 4) of the box."""
    return boxes + by * (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)


def _squared(boxes: Tensor) -> Tensor:
    """The squares about the same middles, as long as the longer sides."""
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).amax(1, keepdim=True) / 2
    return torch.cat([middle - half, middle + half], 1)


def _cut(picture: Tensor, box: Tensor, side: int) -> Tensor:
    """(1, 3, side, side) of what a box shows; black beyond the picture's border."""
    left, top, right, bottom = (round(float(edge)) for edge in box)
    height, width = picture.shape[2:]
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    inside = picture[..., max(0, top) : max(0, min(height, bottom)), max(0, left) : max(0, min(width, right))]
    if not inside.numel():
        return picture.new_full((1, 3, side, side), -1.0)
    beyond = max(0, -left), max(0, right - width), max(0, -top), max(0, bottom - height)
    return _resized(nn.functional.pad(inside, beyond, value=-1.0), (side, side))


def _resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    return interpolate(pixels, size, mode="area")
