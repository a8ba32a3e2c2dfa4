"""Which network sees the depth of a picture: Depth Anything where it is on the machine, else the embedded one."""

from pathlib import Path
from typing import Protocol

import numpy as np
from huggingface_hub import snapshot_download

from dollygrip.errors import InputError
from dollygrip_backend.models import look
from dollygrip_backend.scene.depth import DepthEstimate, DepthEstimator
from dollygrip_backend.scene.depth_model import DEPTH


class Estimator(Protocol):
    """What sees depth; see `DepthEstimator.estimate`. name: "embedded", or the model's and its revision."""

    name: str

    def estimate(self, image: np.ndarray) -> DepthEstimate: ...


def load_estimator(device: str = "cpu", model: str | None = None) -> Estimator:
    """The estimator to use: Depth Anything V2 Small where its weights are on the machine, else the embedded network.

    model: the folder or the hub name of another Depth Anything model, which must then be there, or "embedded". Raises
    InputError for a model that is not on the machine.
    """
    if model == DepthEstimator.name:
        return DepthEstimator.load(device)
    folder = _fetched() if model in (None, DEPTH.repo) else _folder(model)
    if folder is None and model is None:
        return DepthEstimator.load(device)
    if folder is None:
        raise InputError(f"The depth model {model} is not on this machine.", "Give the folder that holds it.")
    from dollygrip_backend.scene.depth_anything import DepthAnythingEstimator  # transformers: only where it is used

    return DepthAnythingEstimator.load(folder, device, _name(model or DEPTH.repo, folder))


def estimator_name() -> str:
    """Name of the estimator that `load_estimator` takes by default on this machine, found without loading it."""
    folder = _fetched()
    return DepthEstimator.name if folder is None else _name(DEPTH.repo, folder)


def _fetched() -> Path | None:
    """The folder of Depth Anything V2 Small; None where it is not whole on this machine."""
    folder, wrong = look(DEPTH)
    return None if wrong else folder


def _name(model: str, folder: Path) -> str:
    """A model with the revision that the hub's cache has of it."""
    return f"{model}@{folder.name}" if folder.parent.name == "snapshots" else model


def _folder(model: str) -> Path | None:
    """The folder of a model by its own path or its hub name; None where it is not on the machine."""
    if Path(model).is_dir():
        return Path(model)
    try:
        kept = snapshot_download(model, allow_patterns=["config.json", "*.safetensors"], local_files_only=True)
    except (OSError, ValueError):  # not fetched, or a name that cannot be one
        return None
    whole = (Path(kept) / "config.json").exists() and any(Path(kept).glob("*.safetensors"))
    return Path(kept) if whole else None
