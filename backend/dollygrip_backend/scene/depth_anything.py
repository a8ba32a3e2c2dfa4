"""Depth from a Depth Anything model of transformers, where one is on the machine or may be fetched.

Depth Anything V2 (arXiv 2406.09414) gives relative disparity: 1/depth up to an unknown scale and shift. The shift is
taken as zero, which is where the models put the infinitely far, and the scale is chosen so that the median depth is
the one that the embedded network finds; so is the field of view, of which these models say nothing. The "metric"
variants give metres, which are kept, and a farthest distance instead of a sky, which the embedded network then finds.
"""

from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch.nn import functional
from transformers import DepthAnythingForDepthEstimation

from dollygrip.errors import InputError
from dollygrip_backend.scene.depth import FARTHEST, DepthEstimate, DepthEstimator, checked
from dollygrip_backend.scene.median import median_depth

_SHORT = 518  # pixels of the shorter side, at which these models were trained
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours


class DepthAnythingEstimator:
    """A Depth Anything model with the interface of `DepthEstimator`. name: of the model, for provenance."""

    def __init__(
        self, model: DepthAnythingForDepthEstimation, embedded: DepthEstimator, device: str = "cpu", name: str = ""
    ):
        self.name = name
        self.model = model.to(device).eval()
        self.embedded = embedded
        self.device = device

    @classmethod
    def load(cls, folder: Path, device: str = "cpu", name: str = "") -> Self:
        """The model in `folder`, as transformers stores it (safetensors). Raises InputError where it is none."""
        try:
            model = DepthAnythingForDepthEstimation.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise InputError(
                f"{folder} holds no Depth Anything model: {error}", "Name another, or delete the folder."
            ) from error
        return cls(model.float(), DepthEstimator.load(device), device, name or folder.name)

    @torch.inference_mode()
    def estimate(self, image: np.ndarray) -> DepthEstimate:
        """As `DepthEstimator.estimate`; what the model calls farther than 20 median depths is sky."""
        own = self.embedded.estimate(checked(image))
        pixels = torch.from_numpy(np.array(image)).to(self.device).permute(2, 0, 1)[None].float() / 255
        size = _model_size(*image.shape[:2], self.model.config.patch_size)
        picture = functional.interpolate(pixels, size, mode="bicubic", antialias=True).clamp(0, 1)
        mean, deviation = (torch.tensor(c, device=self.device).view(3, 1, 1) for c in (_MEAN, _DEVIATION))
        found = self.model(pixel_values=(picture - mean) / deviation).predicted_depth
        found = functional.interpolate(found[None].float(), image.shape[:2], mode="bilinear")[0, 0].cpu().numpy()
        if self.model.config.depth_estimation_type == "metric":
            depth = np.where(np.isfinite(own.depth), np.maximum(found, 1e-3), np.inf)
        else:
            middle = float(np.median(found[np.isfinite(own.depth)]))
            depth = np.where(found >= min(middle / FARTHEST, found.max()), 1 / np.maximum(found, 1e-6), np.inf)
            depth *= median_depth(own.depth) / median_depth(depth)
        return DepthEstimate(depth.astype(np.float32), own.view_degrees)


def _model_size(height: int, width: int, patch: int) -> tuple[int, int]:
    """(height, width) for the model: its shorter side as trained, multiples of the patch, at most 3 to 1."""
    scale = _SHORT / min(height, width)
    return tuple(max(1, round(min(side * scale, 3 * _SHORT) / patch)) * patch for side in (height, width))
