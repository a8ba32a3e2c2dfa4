"""Reads the float passes that Cycles writes: uncompressed scanline OpenEXR with 32-bit float channels.

Blender's Python has no image library, and Blender itself gives no access to the layers of a multilayer file. The
subset used here is a small one (OpenEXR file layout, openexr.com/en/latest/OpenEXRFileLayout.html).
"""

from pathlib import Path

import numpy as np

_MAGIC = b"\x76\x2f\x31\x01"
_FLOAT = 2


def read_float_exr(path: Path) -> dict[str, np.ndarray]:
    """{channel name: float32 (H, W)}. Raises ValueError for anything but uncompressed float scanlines."""
    data = Path(path).read_bytes()
    if data[:4] != _MAGIC:
        raise ValueError(f"{path} is not an OpenEXR file.")
    attributes, at = _attributes(data)
    if attributes["compression"] != b"\x00":
        raise ValueError(f"{path} is compressed; only uncompressed files are read.")
    names = _channels(attributes["channels"])
    x0, y0, x1, y1 = np.frombuffer(attributes["dataWindow"], "<i4")
    width, height = x1 - x0 + 1, y1 - y0 + 1
    start = at + 8 * height  # one offset per scanline stands before the pixels
    row = 2 + width * len(names)  # y, byte count, then each channel's row
    rows = np.frombuffer(data, "<f4", row * height, start).reshape(height, row)[:, 2:]
    planes = rows.reshape(height, len(names), width)
    return {name: planes[:, i] for i, name in enumerate(names)}


def _attributes(data: bytes) -> tuple[dict[str, bytes], int]:
    """The header's attributes and the offset behind it."""
    found, at = {}, 8
    while data[at]:
        name, at = _text(data, at)
        _, at = _text(data, at)  # the type's name
        size = int.from_bytes(data[at : at + 4], "little")
        found[name] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return found, at + 1


def _channels(data: bytes) -> list[str]:
    """Channel names in file order; each entry is a name and 16 bytes that begin with the pixel type."""
    names, at = [], 0
    while data[at]:
        name, at = _text(data, at)
        if data[at] != _FLOAT:
            raise ValueError(f"The channel {name} is not 32-bit float.")
        names.append(name)
        at += 16
    return names


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(0, at)
    return data[at:end].decode(), end + 1
