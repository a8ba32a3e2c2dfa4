"""Whether a folder holds a whole diffusers pipeline: its index, its parts, and whole weights. Imports no torch."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dollygrip.errors import DollygripError
from dollygrip_backend.models import way_to_fetch
from dollygrip_backend.safetensors_files import check_weights

if TYPE_CHECKING:
    from dollygrip_backend.video.specs import ModelSpec

INDEX = "model_index.json"


_SUFFIXES = ("json", "safetensors", "txt", "model")  # nothing that could hold pickled code


def components(index: dict[str, Any]) -> list[str]:
    """The folders of a pipeline's parts."""
    return [
        name
        for name, part in index.items()
        if isinstance(part, list) and len(part) == 2 and all(isinstance(value, str) for value in part)
    ]


def mismatch(index: Any, spec: "ModelSpec") -> str:
    """How the content of an index is not that of the pipeline of `spec`; empty if it is."""
    name = index.get("_class_name") if isinstance(index, dict) else None
    if not name:
        return "holds no diffusers pipeline"
    return "" if name == spec.pipeline else f"holds a {name}, not a {spec.pipeline}"


def patterns(index: dict[str, Any]) -> tuple[str, ...]:
    """The files of a pipeline's own parts: safetensors, tokenizers, settings."""
    return (INDEX, *(f"{part}/*.{suffix}" for part in components(index) for suffix in _SUFFIXES))


def check_folder(folder: Path, spec: "ModelSpec") -> None:
    """Raise DollygripError (weights) unless `folder` holds the whole pipeline of `spec`, no file cut short."""
    hint = f"{way_to_fetch(spec.name).capitalize()}, or `dollygrip models use {spec.name} FOLDER`."
    try:
        index = json.loads((folder / INDEX).read_text())
    except (OSError, ValueError):
        index = None
    if problem := mismatch(index, spec):
        raise DollygripError(f"The folder {folder} {problem}.", hint, "weights")
    for component in components(index):
        part = folder / component
        if not part.is_dir() or not any(part.glob("*.json")):
            raise DollygripError(f"The model in {folder} lacks its {component}.", hint, "weights")
        if (part / "config.json").is_file():  # a network's; tokenizers and schedulers have settings of other names
            check_weights(part, hint)
