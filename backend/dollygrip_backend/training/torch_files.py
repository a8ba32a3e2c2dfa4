"""Published weights: where an installed package has them, and the tensors in files of torch's first format.

Nothing in either is run: packages are not imported, and pickles only walked through for names and shapes.
"""

import importlib.util
import pickletools
import sys
from pathlib import Path

import torch
from torch import Tensor

_TENSORS = (".weight", ".bias", ".running_mean", ".running_var", ".num_batches_tracked")


def folder_of(package: str) -> Path:
    """The folder of an installed package; ends the program where it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        sys.exit(f"The package {package} is not installed; the module that makes the weights says how at its head.")
    return Path(spec.submodule_search_locations[0])


def tensors_in(file: Path) -> dict[str, Tensor]:
    """The tensors of floats in a file, by name. The numbers lie behind its pickles: for each key of the last one how
    many there are, in 64 bits, then they themselves."""
    with file.open("rb") as stream:
        *_, described, keys = (list(pickletools.genops(stream)) for _ in range(5))
        layouts, tensors = _layouts(described), {}
        for code, key, _ in keys:
            if code.name != "BINUNICODE":
                continue
            name, sides = layouts[key]
            counter = name.endswith("num_batches_tracked")  # a 64-bit integer, and of no use here
            values = stream.read(int.from_bytes(stream.read(8), "little") * (8 if counter else 4))
            if not counter:
                shape, strides = sides[: len(sides) // 2], sides[len(sides) // 2 :]
                tensors[name] = torch.frombuffer(bytearray(values), dtype=torch.float32).as_strided(shape, strides)
    return {name: tensors[name] for name, _ in layouts.values() if name in tensors}


def _layouts(steps: list[tuple]) -> dict[str, tuple[str, list[int]]]:
    """By the key of its numbers, each tensor's name and its shape followed by its strides: what stands between a
    reference to the numbers and whether they are learned."""
    layouts, name, key, sides = {}, "", "", []
    for code, value, _ in steps:
        if code.name == "BINUNICODE" and value.endswith(_TENSORS):
            name = value
        elif code.name == "BINUNICODE" and value.isdigit():
            key = value
        elif code.name == "BINPERSID":
            sides = []
        elif code.name.startswith("BININT"):
            sides.append(value)
        elif code.name == "NEWFALSE":
            layouts[key] = name, sides[1:]  # the first is where the numbers begin
    return layouts
