"""COLMAP's cameras.bin and images.bin: little-endian records."""

import struct

import numpy as np

from dollygrip.errors import TrajectoryError
from dollygrip.formats.colmap.model import MODELS, Camera, Image, lenses_of, name_of_frame, w2c_rows
from dollygrip.formats.format import Source
from dollygrip.trajectory import Trajectory

_IMAGE, _CAMERA, _COUNT = struct.Struct("<I7dI"), struct.Struct("<IiQQ"), struct.Struct("<Q")
_KEYPOINT_BYTES = 24
_LAST_MODEL = 17
_NAMES = {model.number: name for name, model in MODELS.items()}


def is_cameras(source: Source) -> bool:
    first = _first(source, _CAMERA)
    return first is not None and 0 <= first[1] <= _LAST_MODEL and all(1 <= side < 2**24 for side in first[2:])


def is_images(source: Source) -> bool:
    first = _first(source, _IMAGE)
    return first is not None and abs(np.linalg.norm(first[1:5]) - 1) < 1e-2


def cameras(source: Source) -> list[Camera]:
    data, found = _Records(source), []
    for _ in range(data.count(_CAMERA.size)):
        camera_id, model_id, *size = data.unpack(_CAMERA)
        where = f"Camera {camera_id} of {source.name}"
        if model_id not in _NAMES:  # the length of its record is not known either
            raise TrajectoryError(f"{where} has the lens model {model_id}; expected is one of {', '.join(MODELS)}.")
        model = _NAMES[model_id]
        values = data.unpack(struct.Struct(f"<{MODELS[model].parameters}d"))
        found.append(Camera(where, camera_id, model, tuple(size), list(values)))
    return found


def images(source: Source) -> list[Image]:
    data, found = _Records(source), []
    for _ in range(data.count(_IMAGE.size + 1 + _COUNT.size)):
        image_id, *w2c, camera = data.unpack(_IMAGE)
        found.append(Image(f"Image {image_id} of {source.name}", data.string(), w2c, camera))
        data.skip(_KEYPOINT_BYTES * data.unpack(_COUNT)[0])
    return found


def printed(trajectory: Trajectory, _name: str) -> dict[str, bytes]:
    lenses, of_frame = lenses_of(trajectory)
    cameras, images = [_COUNT.pack(len(lenses))], [_COUNT.pack(len(trajectory))]
    for index, lens in enumerate(lenses, 1):
        cameras.append(_CAMERA.pack(index, MODELS["PINHOLE"].number, *trajectory.size) + struct.pack("<4d", *lens))
    for index, row in enumerate(w2c_rows(trajectory)):
        images.append(_IMAGE.pack(index + 1, *row, of_frame[index] + 1))
        images.append(name_of_frame(index).encode() + b"\0" + _COUNT.pack(0))
    return {"cameras.bin": b"".join(cameras), "images.bin": b"".join(images), "points3D.bin": _COUNT.pack(0)}


def _first(source: Source, record: struct.Struct) -> tuple | None:
    """The first record, None where the file cannot hold as many as it announces."""
    if source.text or len(source.data) < _COUNT.size + record.size:
        return None
    (count,) = _COUNT.unpack_from(source.data)
    return record.unpack_from(source.data, _COUNT.size) if 1 <= count <= len(source.data) // record.size else None


class _Records:
    """Records one after the other; raises TrajectoryError where the file ends too early."""

    def __init__(self, source: Source):
        self.source, self.at = source, 0

    def unpack(self, record: struct.Struct) -> tuple:
        start = self.at
        self.skip(record.size)
        return record.unpack_from(self.source.data, start)

    def count(self, least: int) -> int:
        """The number of records that the file announces, of at least `least` bytes each."""
        (count,) = self.unpack(_COUNT)
        if count * least > len(self.source.data):
            raise TrajectoryError(f"{self.source.name} announces {count} records, more than it has room for.")
        return count

    def string(self) -> str:
        end = self.source.data.find(b"\0", self.at)
        text = self.source.data[self.at : end if end >= 0 else None]
        self.skip(len(text) + 1)
        return text.decode("utf-8", "replace")

    def skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self.source.data):
            raise TrajectoryError(f"{self.source.name} ends after {len(self.source.data)} bytes, amid a record.")
