"""COLMAP's cameras.txt and images.txt."""

from collections.abc import Iterable, Iterator

import numpy as np

from dollygrip.errors import TrajectoryError
from dollygrip.formats.colmap.model import Camera, Image, lenses_of, name_of_frame, w2c_rows
from dollygrip.formats.format import Source
from dollygrip.formats.reading import is_number, number
from dollygrip.trajectory import Trajectory


def is_cameras(source: Source) -> bool:
    first = next(iter(_lines(source)), (0, []))[1]
    camera = len(first) > 4 and first[0].isdecimal() and first[1].isupper()
    return camera or source.text[:400].lstrip().startswith("# Camera list")


def is_images(source: Source) -> bool:
    first = next(iter(_lines(source)), (0, []))[1]
    is_image = _is_image(first) and abs(np.linalg.norm([float(field) for field in first[1:5]]) - 1) < 0.1
    return is_image or source.text[:400].lstrip().startswith("# Image list")


def cameras(source: Source) -> list[Camera]:
    found = []
    for line, fields in _lines(source):
        where = f"Line {line} of {source.name}"
        if len(fields) < 5 or not _is_id(fields[0]):
            raise TrajectoryError(
                f"{where} must be CAMERA_ID MODEL WIDTH HEIGHT PARAMS, not {' '.join(fields)[:60]!r}."
            )
        width, height, *values = (number(field, where) for field in fields[2:])
        found.append(Camera(where, int(fields[0]), fields[1], (width, height), values))
    return found


def images(source: Source) -> list[Image]:
    """Every image has two lines, of which the second, its keypoints, may be empty; files that lack it are read too."""
    found, keypoints = [], False
    for line, fields in _lines(source, empty=True):
        is_image = _is_image(fields)
        if keypoints and not (is_image and len(fields) == 10):
            keypoints = False
        elif is_image:
            keypoints = True
            w2c = [float(field) for field in fields[1:8]]
            found.append(Image(f"Line {line} of {source.name}", " ".join(fields[9:]), w2c, int(fields[8])))
        elif fields:
            raise TrajectoryError(
                f"Line {line} of {source.name} must be IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, "
                f"not {' '.join(fields)[:60]!r}."
            )
    return found


def printed(trajectory: Trajectory, _name: str) -> dict[str, bytes]:
    lenses, of_frame = lenses_of(trajectory)
    width, height = trajectory.size
    cameras = ["# Camera list with one line of data per camera:", "#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]"]
    cameras += [f"{i} PINHOLE {width} {height} {_spaced(lens)}" for i, lens in enumerate(lenses, 1)]
    images = [
        "# Image list with two lines of data per image:",
        "#   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME",
    ]
    for index, row in enumerate(w2c_rows(trajectory)):
        images += [f"{index + 1} {_spaced(row)} {of_frame[index] + 1} {name_of_frame(index)}", ""]
    points = ["# 3D point list with one line of data per point:", "# Number of points: 0"]
    files = {"cameras.txt": cameras, "images.txt": images, "points3D.txt": points}
    return {name: "\n".join([*lines, ""]).encode() for name, lines in files.items()}


def _spaced(values: Iterable[float]) -> str:
    return " ".join(map(repr, values))


def _lines(source: Source, empty: bool = False) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of every line that is no comment; what follows 20 fields, as keypoints do, is the last."""
    for index, line in enumerate(source.text.splitlines(), 1):
        fields = line.split(maxsplit=20)
        if line[:1] != "#" and (fields or empty):
            yield index, fields


def _is_id(field: str) -> bool:
    return field.isdecimal() and len(field) < 19


def _is_image(fields: list[str]) -> bool:
    numbers = [is_number(field) for field in fields]
    if len(fields) < 10 or not (_is_id(fields[0]) and _is_id(fields[8]) and all(numbers[:9])):
        return False
    return not (len(fields) == 19 and all(numbers))  # that is a pose of RealEstate10K
