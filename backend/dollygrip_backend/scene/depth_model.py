"""Depth Anything V2 Small, which sees depth where it is on the machine: what is fetched of it. Imports no torch."""

import json
from pathlib import Path
from typing import Any

import attrs

from dollygrip.errors import DollygripError
from dollygrip_backend.models import way_to_fetch
from dollygrip_backend.safetensors_files import check_weights


@attrs.frozen
class DepthModel:
    """A Depth Anything model as transformers stores it. It is a `dollygrip_backend.models.Model`."""

    index = "config.json"

    name: str
    title: str
    repo: str
    licence: str
    download_bytes: int

    def mismatch(self, index: Any) -> str:
        kind = index.get("model_type") if isinstance(index, dict) else None
        return "" if kind == "depth_anything" else f"holds a {kind}, not a depth_anything"

    def patterns(self, _index: Any) -> tuple[str, ...]:
        return self.index, "*.safetensors"

    def check(self, folder: Path) -> None:
        hint = f"{way_to_fetch(self.name).capitalize()}."
        try:
            index = json.loads((folder / self.index).read_text())
        except (OSError, ValueError):
            raise DollygripError(f"The folder {folder} holds no Depth Anything model.", hint, "weights") from None
        if problem := self.mismatch(index):
            raise DollygripError(f"The folder {folder} {problem}.", hint, "weights")
        check_weights(folder, hint)


DEPTH = DepthModel(
    name="depth-anything",
    title="Depth Anything V2 Small: sees the depth of a photograph, in the built-in network's place",
    repo="depth-anything/Depth-Anything-V2-Small-hf",
    licence="Apache-2.0",
    download_bytes=99_200_000,
)
