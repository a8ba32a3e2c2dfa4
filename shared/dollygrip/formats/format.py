"""What a camera format is, what a reader is given, and what it may assume where a file is silent."""

import codecs
import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from dollygrip.errors import InputError, TrajectoryError
from dollygrip.trajectory import Trajectory

MAX_BYTES = 64 * 2**20
MAX_MODEL_BYTES = 512 * 2**20  # of a COLMAP model's files, which hold every image's keypoints too
WORDS = {
    "camera": "which camera is meant",
    "size": "the image size",
    "view_degrees": "the field of view",
    "fps": "the frame rate",
    "scene_depth": "the scene depth",
}
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
SIZE, VIEW_DEGREES, FPS, SCENE_DEPTH = (1280, 720), 50.0, 24.0, 1.0


@attrs.frozen
class Source:
    """A camera file: its name, its bytes, and the folder that its companions lie in (None: it has none)."""

    name: str
    data: bytes
    folder: Path | None = None

    @classmethod
    def open(cls, path: Path) -> "Source":
        """Read a file. Raises InputError where it is missing, unreadable or larger than camera files are."""
        most = MAX_MODEL_BYTES if path.stem.lower() in ("images", "cameras") else MAX_BYTES
        try:
            if path.stat().st_size > most:
                raise InputError(f"{path.name} is larger than {most >> 20} MB.", "Give a camera file.")
            return cls(path.name, path.read_bytes(), path.parent)
        except FileNotFoundError:
            raise InputError(f"There is no file {path}.", "Check the path.") from None
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the path and permissions.") from error

    def companion(self, *names: str) -> "Source | None":
        """The first of these files that lies beside this one."""
        paths = (self.folder / name for name in names) if self.folder else ()
        found = next((path for path in paths if path.is_file()), None)
        return found and Source.open(found)

    @cached_property
    def text(self) -> str:
        """The contents as text, empty where they are none: UTF-8, UTF-16 that is marked, or Windows' Latin letters."""
        try:
            if self.data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                return self.data.decode("utf-16")  # what Windows PowerShell writes by `>`
            return "" if b"\0" in self.data else self.data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return "" if _NOT_TEXT.search(self.data) else self.data.decode("cp1252", "replace")

    @cached_property
    def json(self) -> Any:
        """The contents as JSON, None for another kind of file; raises TrajectoryError for broken JSON."""
        if self.text.lstrip()[:1] not in ("{", "["):
            return None
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise TrajectoryError(f"It is not valid JSON: {error}.", "Write the file again.") from error


@attrs.frozen
class Assumed:
    """What the caller says of a camera where its file says nothing; None leaves it to the format's default.

    size: (width, height) in pixels; view_degrees: horizontal field of view; scene_depth in the file's unit of length;
    camera: which camera of a file that holds several; by_time: whether poses at uneven times are resampled to even
    ones, instead of each becoming a frame. After reading, `used` holds what was in fact assumed, and `remarks` what
    else became of the file, in words.
    """

    size: tuple[int, int] | None = None
    fps: float | None = None
    view_degrees: float | None = None
    scene_depth: float | None = None
    camera: str | None = None
    by_time: bool = False
    used: dict[str, Any] = attrs.field(factory=dict, init=False)
    remarks: list[str] = attrs.field(factory=list, init=False)

    def get(self, name: str, default: Any) -> Any:
        """The caller's value of a field that the file does not hold, or the default, or what that returns."""
        value = getattr(self, name)
        if value is None:
            value = default() if callable(default) else default
        self.used[name] = list(value) if isinstance(value, tuple) else value
        return value

    def notes(self) -> list[str]:
        """In words, what the last reading took by default, what it was told without need, and its remarks."""
        notes = []
        for name, word in WORDS.items():
            told, used = getattr(self, name) is not None, self.used.get(name)
            if used is not None and not told:
                shown = (
                    "x".join(map(str, used)) if isinstance(used, list) else f"{used:g}" if name != "camera" else used
                )
                notes.append(f"the file does not say {word}: it is taken as {shown}")
            elif told and used is None:
                notes.append(f"the file says {word} itself")
        return notes + self.remarks

    def lens(self, frames: int, size: tuple[int, int], view: float = VIEW_DEGREES) -> np.ndarray:
        """Intrinsics (T, 4) of square pixels and a centred lens, for a file that holds none."""
        focal = focal_of_view(np.radians(self.get("view_degrees", view)), size[0])
        return np.tile([focal, focal, size[0] / 2, size[1] / 2], (frames, 1))


def focal_of_view(radians: float, side: float) -> float:
    """Focal length in pixels of a field of view over an image side in pixels."""
    return side / 2 / np.tan(radians / 2)


@attrs.frozen
class Format:
    """A format for cameras.

    suffixes:   endings of file names, lower case, that ask for this format on writing; one that begins with a letter
                is a whole name.
    holds:      what its files can say besides poses: "lens", "zoom" (a lens that changes), "size", "fps",
                "scene_depth", "meta".
    narrower:   the same for suffixes whose files hold less.
    recognises: whether a file is meant to be of this format, judged by its content.
    parse:      -> Trajectory; raises TrajectoryError that says what was expected, what was found and where.
    print:      Trajectory and file name -> contents of every file to write, by name.
    folder:     whether what is written is a folder of files with fixed names.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    holds: frozenset[str]
    recognises: Callable[[Source], bool]
    parse: Callable[[Source, Assumed], Trajectory]
    print: Callable[[Trajectory, str], dict[str, bytes]]
    folder: bool = False
    narrower: Mapping[str, frozenset[str]] = attrs.field(factory=dict)

    def asked_by(self, name: str) -> int:
        """Length of the longest suffix that a file name ends in, 0 for none."""
        name = name.lower()
        fits = (s for s in self.suffixes if (name == s if s[0].isalpha() else name.endswith(s)))
        return max(map(len, fits), default=0)

    def held_by(self, name: str) -> frozenset[str]:
        """What a file of this name can say besides poses; see `holds`."""
        return next((held for end, held in self.narrower.items() if name.lower().endswith(end)), self.holds)
