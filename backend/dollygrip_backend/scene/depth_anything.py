"""Depth from a Depth Anything model of transformers, where one is on the machine or may be fetched.

Depth Anything V2 (arXiv 2406.09414) gives relative disparity: 1/depth up to an unknown scale and shift. The shift is
taken as zero, which is where the models put the infinitely far, and the scale is chosen so that the median depth is
the one that the embedded network finds; so is the field of view, of which these models say nothing. The "metric"
variants give metres, which are kept.
"""

from pathlib import Path
from typing import Self

import numpy as np
import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from torch.nn import functional
from transformers import DepthAnythingForDepthEstimation

from dollygrip.errors import DollygripError, InputError
from dollygrip_backend.scene.depth import SKY, DepthEstimate, DepthEstimator, checked

DEFAULT = "depth-anything/Depth-Anything-V2-Small-hf"
_SHORT = 518  # pixels of the shorter side, at which these models were trained
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours


class DepthAnythingEstimator:
    """A Depth Anything model with the interface of `DepthEstimator`."""

    def __init__(self, model: DepthAnythingForDepthEstimation, embedded: DepthEstimator, device: str = "cpu"):
        self.model = model.to(device).eval()
        self.embedded = embedded
        self.device = device

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        """The model in `folder`, as transformers stores it (safetensors). Raises InputError where it is none."""
        try:
            model = DepthAnythingForDepthEstimation.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise InputError(
                f"{folder} holds no Depth Anything model: {error}", "Name another, or delete the folder."
            ) from error
        return cls(model.float(), DepthEstimator.load(device), device)

    @torch.inference_mode()
    def estimate(self, image: np.ndarray) -> DepthEstimate:
        """As `DepthEstimator.estimate`; what the model calls farther than 20 median depths is put there."""
        own = self.embedded.estimate(checked(image))
        pixels = torch.from_numpy(np.array(image)).to(self.device).permute(2, 0, 1)[None].float() / 255
        size = _model_size(*image.shape[:2], self.model.config.patch_size)
        picture = functional.interpolate(pixels, size, mode="bicubic", antialias=True).clamp(0, 1)
        mean, deviation = (torch.tensor(c, device=self.device).view(3, 1, 1) for c in (_MEAN, _DEVIATION))
        found = self.model(pixel_values=(picture - mean) / deviation).predicted_depth
        found = functional.interpolate(found[None].float(), image.shape[:2], mode="bilinear")[0, 0].cpu().numpy()
        if self.model.config.depth_estimation_type == "metric":
            return DepthEstimate(np.maximum(found, 1e-3), own.view_degrees)
        disparity = np.maximum(found / max(float(np.median(found)), 1e-6), 1 / SKY)
        return DepthEstimate((float(np.median(own.depth)) / disparity).astype(np.float32), own.view_degrees)


def load_estimator(
    device: str = "cpu", model: str | None = None, online: bool = False
) -> DepthEstimator | DepthAnythingEstimator:
    """The estimator to use: Depth Anything V2 Small where its weights are on the machine, else the embedded network.

    model: the folder or the hub name of another Depth Anything model, which must then be there, or "embedded".
    online: whether what is missing may be downloaded into the hub's cache. Raises InputError for a model that is not
    on the machine and may not be downloaded, DollygripError (kind "download") where the download fails.
    """
    if model == "embedded":
        return DepthEstimator.load(device)
    folder = _folder(model or DEFAULT, online)
    if folder is None and model is None:
        return DepthEstimator.load(device)
    if folder is None:
        raise InputError(
            f"The depth model {model} is not on this machine.", "Allow its download, or give a folder that holds it."
        )
    return DepthAnythingEstimator.load(folder, device)


def _folder(model: str, online: bool) -> Path | None:
    """The folder of a model, downloaded if it is missing and `online`; None where it is not on the machine."""
    if Path(model).is_dir():
        return Path(model)
    try:
        kept = snapshot_download(model, allow_patterns=["config.json", "*.safetensors"], local_files_only=not online)
    except LocalEntryNotFoundError as error:
        if online:
            raise DollygripError(
                f"The depth model {model} could not be downloaded: {error}", "Check the connection.", "download"
            ) from error
        return None
    except (OSError, ValueError) as error:  # no such model, a name that cannot be one, a lost connection
        raise DollygripError(
            f"The depth model {model} could not be fetched: {error}", "Check its name and the connection.", "download"
        ) from error
    whole = (Path(kept) / "config.json").exists() and any(Path(kept).glob("*.safetensors"))
    return Path(kept) if whole else None


def _model_size(height: int, width: int, patch: int) -> tuple[int, int]:
    """(height, width) for the model: its shorter side as trained, multiples of the patch, at most 3 to 1."""
    scale = _SHORT / min(height, width)
    return tuple(max(1, round(min(side * scale, 3 * _SHORT) / patch)) * patch for side in (height, width))
