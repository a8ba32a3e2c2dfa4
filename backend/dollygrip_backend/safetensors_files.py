"""Whether a folder holds whole weights: every safetensors file of the length that its header says.

Imports no torch, and reads no more than the headers.
"""

import functools
import json
from pathlib import Path

from dollygrip.errors import DollygripError

MAX_HEADER = 100_000_000  # bytes of a safetensors header, the format's own limit


def check_weights(part: Path, hint: str) -> None:
    """Raise DollygripError (weights) unless all shards that a network's folder must have are there, whole."""
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
