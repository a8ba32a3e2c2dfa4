"""Which network sees the depth of a picture: Depth Anything where it is on the machine, else the embedded one."""

from pathlib import Path
from typing import Protocol

import numpy as np
from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError

from dollygrip.errors import DollygripError, InputError
from dollygrip_backend.scene.depth import DepthEstimate, DepthEstimator

DEFAULT = "depth-anything/Depth-Anything-V2-Small-hf"


class Estimator(Protocol):
    """What sees depth; see `DepthEstimator.estimate`. name: "embedded", or the model's and its revision."""

    name: str

    def estimate(self, image: np.ndarray) -> DepthEstimate: ...


def load_estimator(device: str = "cpu", model: str | None = None, online: bool = False) -> Estimator:
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
        raise InputError(f"The depth model {model} is not on this machine.", "Give the folder that holds it.")
    from dollygrip_backend.scene.depth_anything import DepthAnythingEstimator  # transformers: only where it is used

    return DepthAnythingEstimator.load(folder, device, _name(model or DEFAULT, folder))


def estimator_name() -> str:
    """Name of the estimator that `load_estimator` takes by default on this machine, found without loading it."""
    folder = _folder(DEFAULT, online=False)
    return DepthEstimator.name if folder is None else _name(DEFAULT, folder)


def _name(model: str, folder: Path) -> str:
    """A model with the revision that the hub's cache has of it."""
    return f"{model}@{folder.name}" if folder.parent.name == "snapshots" else model


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
