"""What the bytes of a picture's file say that Blender does not: how it is to be turned, whether it is whole, its size.

Orientations are EXIF's: 1 to 8, 1 for a picture that is stored upright. Pictures of other kinds than JPEG are.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_JPEG, _JPEG_END, _PNG = b"\xff\xd8", b"\xff\xd9", b"\x89PNG\r\n\x1a\n"
_EXIF, _SCAN, _TABLES = 0xE1, 0xDA, {0xC4, 0xC8, 0xCC}
_ORIENTATION, _SHORT = 0x0112, 3
_MOST_SEGMENTS = 1000
_HEAD = 32  # bytes


def read(path: Path) -> bytes:
    """What the other functions need of a file: all of a JPEG, the first bytes of others. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        return head + file.read() if head.startswith(_JPEG) else head


def size(data: bytes) -> tuple[int, int] | None:
    """(width, height) of a PNG or JPEG as stored, before its pixels are read; None where that is not known."""
    if data.startswith(_PNG) and len(data) >= 24:
        return struct.unpack_from(">II", data, 16)
    for marker, begin, end in _segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in _TABLES and end >= begin + 5:
            height, width = struct.unpack_from(">HH", data, begin + 1)
            return width, height
    return None


def is_whole(data: bytes) -> bool:
    """Whether a JPEG's picture is there to its end; Blender would show the rest in grey. True for other kinds."""
    scan = next((end for marker, _, end in _segments(data) if marker == _SCAN), None)
    return scan is None or data.find(_JPEG_END, scan) >= 0


def orientation(data: bytes) -> int:
    """The orientation of a JPEG; 1 where nothing, or nonsense, is said of it."""
    for marker, begin, end in _segments(data):
        if marker == _EXIF and data.startswith(b"Exif\0\0", begin):
            return _orientation_in(data[begin + 6 : end])
    return 1


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Stored pixels (h, w, …) as a viewer shows them."""
    swapped, down, across = _turn(orientation)
    pixels = np.swapaxes(pixels, 0, 1) if swapped else pixels
    return pixels[:: -1 if down else 1, :: -1 if across else 1]


def stored_uv(uv: np.ndarray, orientation: int) -> np.ndarray:
    """Texture coordinates (n, 2), y up, of the upright picture -> those of the stored one."""
    swapped, down, across = _turn(orientation)
    x = 1 - uv[:, 0] if across else uv[:, 0]
    y = uv[:, 1] if down else 1 - uv[:, 1]
    return np.stack([y, 1 - x] if swapped else [x, 1 - y], -1)


def _turn(orientation: int) -> tuple[bool, bool, bool]:
    """Whether rows become columns, then their order is reversed, and that of the columns."""
    return orientation >= 5, orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, begin, end) of what precedes a JPEG's picture, up to its first scan; nothing of other files."""
    at = 2 if data.startswith(_JPEG) else len(data)
    for _ in range(_MOST_SEGMENTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        begin, end = at + 4, at + 2 + length
        if data[at + 1] == 0xFF:  # a byte of padding
            at += 1
        elif length < 2:
            return
        else:
            yield data[at + 1], begin, min(end, len(data))
            if data[at + 1] == _SCAN:
                return
            at = end


def _orientation_in(tiff: bytes) -> int:
    """That of an EXIF block, which is laid out as a TIFF file."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    try:
        (begin,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, begin)
        for entry in range(begin + 2, begin + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if (tag, kind) == (_ORIENTATION, _SHORT):
                return value if 1 <= value <= 8 else 1
    except struct.error:  # garbage, or neither order
        pass
    return 1
