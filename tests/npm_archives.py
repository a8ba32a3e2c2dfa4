"""Archives of npm with models as TensorFlow.js has them, made from networks of ours."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
from torch import Tensor


def archive_of(file: Path, name: str, tensors: dict[str, Tensor], nodes: list[dict] | None = None) -> Path:
    """`file`, which holds the model `name`: its numbers in half precision, but integers, and its graph's nodes."""
    layout, numbers = [], b""
    for key, tensor in tensors.items():
        values = tensor.detach().numpy()
        values = values.astype(np.float16) if values.dtype.kind == "f" else values
        kind = {"dtype": "float32", "quantization": {"dtype": "float16"}} if values.dtype.kind == "f" else {}
        layout.append({"name": key, "shape": list(values.shape), "dtype": str(values.dtype), **kind})
        numbers += values.tobytes()
    graph = {"modelTopology": {"node": nodes or []}, "weightsManifest": [{"weights": layout}]}
    with tarfile.open(file, "w:gz") as archive:
        for ending, content in (("json", json.dumps(graph).encode()), ("bin", numbers)):
            member = tarfile.TarInfo(f"package/models/{name}.{ending}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file
