"""Boxes that detectors give: their measures, and which of them show one thing."""

import torch
from torch import Tensor


class Boxed:
    """What lies in a `box`: left, top, right and bottom in shares of the picture's width and height."""

    box: tuple[float, float, float, float]

    @property
    def middle(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]


def different(boxes: Tensor, scores: Tensor, most: float, of_smaller: bool = False) -> Tensor:
    """The numbers of boxes of which none overlaps a likelier one by more than `most`: of both together, or of the
    smaller."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    overlap = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - torch.maximum(boxes[:, None, :2], boxes[:, :2])
    both = overlap.clamp_min(0).prod(2)
    whole = torch.minimum(areas[:, None], areas) if of_smaller else areas[:, None] + areas - both
    alike, kept = both > most * whole, []
    for number in scores.argsort(descending=True).tolist():
        if not alike[number, kept].any():
            kept.append(number)
    return torch.tensor(kept, dtype=torch.long, device=boxes.device)
