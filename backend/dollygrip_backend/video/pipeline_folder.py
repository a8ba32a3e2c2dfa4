"""Whether a folder holds a whole diffusers pipeline: its index, its parts, and weights of the length they say.

Imports no torch, and reads no more than the headers of the weights.
"""

import functools
import json
from pathlib import Path
from typing import Any

from dollygrip.errors import DollygripError
from dollygrip_backend.video.specs import ModelSpec

INDEX = "model_index.json"
MAX_HEADER = 100_000_000  # bytes of a safetensors header, the format's own limit


def components(index: dict[str, Any]) -> list[str]:
    """The folders of a pipeline's parts."""
    return [
        name
        for name, part in index.items()
        if isinstance(part, list) and len(part) == 2 and all(isinstance(value, str) for value in part)
    ]


def check_folder(folder: Path, spec: ModelSpec) -> None:
    """Raise DollygripError (weights) unless `folder` holds the whole pipeline of `spec`, no file cut short."""
    hint = f"Run `dollygrip models download {spec.name}` again, or `dollygrip models use {spec.name} FOLDER`."
    try:
        index = json.loads((folder / INDEX).read_text())
        name, parts = index["_class_name"], components(index)
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise DollygripError(f"The folder {folder} holds no diffusers pipeline.", hint, "weights") from None
    if name != spec.pipeline:
        raise DollygripError(f"The folder {folder} holds a {name}, not a {spec.pipeline}.", hint, "weights")
    for component in parts:
        part = folder / component
        if not part.is_dir() or not any(part.glob("*.json")):
            raise DollygripError(f"The model in {folder} lacks its {component}.", hint, "weights")
        if (part / "config.json").is_file():  # a network's; tokenizers and schedulers have settings of other names
            _check_weights(part, hint)


def _check_weights(part: Path, hint: str) -> None:
    """All shards that a network's folder must have, whole."""
    files = sorted(part.glob("*.safetensors"))
    for index in part.glob("*.safetensors.index.json"):
        try:
            files += [part / name for name in json.loads(index.read_text())["weight_map"].values()]
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            raise DollygripError(f"The file {index} is damaged.", hint, "weights") from None
    if not files:
        raise DollygripError(f"There are no safetensors weights in {part}.", hint, "weights")
    for file in sorted(set(files)):
        if not file.is_file():
            raise DollygripError(f"The file {file} is missing.", hint, "weights")
        stat = file.stat()
        if problem := _damage(file, stat.st_size, stat.st_mtime_ns):
            raise DollygripError(f"The file {file} is {problem}.", hint, "weights")


@functools.lru_cache(maxsize=256)
def _damage(file: Path, size: int, _changed_ns: int) -> str:
    """What is wrong with a safetensors file by its header, which says how long the file must be; empty if nothing."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER, size - 8):
            return "cut short or no safetensors file"
        try:
            header = json.loads(stream.read(length))
            end = max((entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"), default=0)
        except (ValueError, KeyError, IndexError, AttributeError, TypeError):
            return "damaged: its header cannot be read"
    wanted = 8 + length + end
    return "" if size == wanted else f"{size} bytes long instead of {wanted}: its download was cut off"
