"""Camera files. `read` recognises a format by its content, `write` takes it from the file's name or as asked.

A format is one module with a Format in FORMATS; its docstring says what the format's numbers mean and how they become
ours. Parsing and printing are pure functions of bytes; only `read` and `write` touch the disk.
"""

import os
from pathlib import Path

import attrs
import numpy as np

from dollygrip.errors import DollygripError, InputError, TrajectoryError
from dollygrip.formats.colmap import COLMAP_BINARY, COLMAP_TEXT
from dollygrip.formats.format import MAX_BYTES, WORDS, Assumed, Format, Source
from dollygrip.formats.gendop import GENDOP
from dollygrip.formats.motionctrl import MOTIONCTRL
from dollygrip.formats.native import NATIVE
from dollygrip.formats.nerfstudio import NERFSTUDIO
from dollygrip.formats.open3d import OPEN3D
from dollygrip.formats.re10k import RE10K, VIDEOX_FUN
from dollygrip.formats.reading import shown
from dollygrip.formats.recammaster import RECAMMASTER
from dollygrip.formats.sana_wm import SANA_WM
from dollygrip.trajectory import Trajectory

__all__ = ["FORMATS", "MAX_BYTES", "Assumed", "Format", "Source", "check_target", "format_named", "format_of_name"]
__all__ += ["lost", "parse", "read", "write"]

# In the order in which they are tried: the narrower before the wider.
FORMATS: tuple[Format, ...] = (
    NATIVE,
    GENDOP,
    NERFSTUDIO,
    OPEN3D,
    RECAMMASTER,
    MOTIONCTRL,
    SANA_WM,
    COLMAP_TEXT,
    COLMAP_BINARY,
    VIDEOX_FUN,
    RE10K,
)
_BY_BLENDER = {b"#usda": "a USD", b"PXR-USDC": "a USD", b"Ogawa": "an Alembic"}
_FOLDERS = ("", "sparse/0", "sparse", "0")
_IN_FOLDER = ("images.bin", "images.txt", "transforms.json", "camera_extrinsics.json")
_MODEL_FILES = tuple(
    f"{name}.{end}" for name in ("cameras", "images", "points3D", "rigs", "frames") for end in ("bin", "txt")
)


def read(path: Path | str, assumed: Assumed | None = None) -> Trajectory:
    """Read a camera file, or the folder of a COLMAP model or a nerfstudio data set.

    assumed: what to take where the file says nothing; what was taken is then in meta["assumed"], and the format's name
    in meta["format"]. Raises InputError with what was expected, what was found and where.
    """
    path = Path(path)
    if path.is_dir():
        found = (path / folder / name for folder in _FOLDERS for name in _IN_FOLDER)
        inside = next((file for file in found if file.is_file()), None)
        if inside is None:
            raise InputError(f"The folder {path} holds none of {', '.join(_IN_FOLDER)}.", "Choose a camera file.")
        path = inside
    return parse(Source.open(path), assumed)


def parse(source: Source, assumed: Assumed | None = None) -> Trajectory:
    """The camera of a file's content; see `read`."""
    assumed = assumed or Assumed()
    assumed.used.clear()
    assumed.remarks.clear()
    _check(assumed)
    try:
        found = next((form for form in FORMATS if form.recognises(source)), None)
        if found is None:
            known = f"Known are: {', '.join(form.name for form in FORMATS)}."
            raise InputError(f"It has none of the known camera formats: it is {_described(source)}.", known)
        with np.errstate(all="ignore"):
            trajectory = found.parse(source, assumed)
    except DollygripError as error:
        raise TrajectoryError(f"{source.name}: {error.message}", error.hint) from error
    if found is NATIVE:
        return trajectory
    if "ignored" in trajectory.meta:
        assumed.remarks.append("the file's lens distortion is left out")
    meta = {**trajectory.meta, "format": found.name}
    return attrs.evolve(trajectory, meta={**meta, "assumed": dict(assumed.used)} if assumed.used else meta)


def write(path: Path | str, trajectory: Trajectory, form: Format | None = None) -> list[Path]:
    """Write a camera file in `form`, or in the format that its name asks for; the files written.

    Each file appears whole or not at all. A COLMAP model is written into a folder: `path`, or the one that holds it
    where its name is that of one of the model's files; a folder that already has a model is refused.
    """
    path = Path(path)
    form = form or format_of_name(path)
    folder = check_target(path, form)
    files = form.print(trajectory, path.name)
    parts = {folder / f".{name}.{os.getpid()}.part": folder / name for name in files}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for part, content in zip(parts, files.values(), strict=True):
                part.write_bytes(content)
            for part, final in parts.items():
                part.replace(final)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error
    return list(parts.values())


def check_target(path: Path, form: Format) -> Path:
    """The folder that a camera file of this format would be written into; raises InputError where its name is taken."""
    folder = path if form.folder and not form.asked_by(path.name) else path.parent
    old = next((name for name in _MODEL_FILES if form.folder and (folder / name).exists()), None)
    if old:
        raise InputError(f"{folder} already holds a COLMAP model ({old}).", "Choose another folder, or empty it.")
    if folder != path and path.is_dir():
        raise InputError(f"{path} is a folder, not a file to write.", "Choose another name.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{path} cannot be written: {folder} is a file.", "Choose another place.")
    return folder


def lost(trajectory: Trajectory, form: Format, name: str = "") -> list[str]:
    """In words, what of a trajectory a file of this format does not hold, or one of this name."""
    holds = form.held_by(name)
    left = [WORDS[word] for word in ("size", "fps", "scene_depth") if word not in holds]
    zooms = np.any(np.ptp(trajectory.intrinsics, axis=0) > 1e-9 * np.abs(trajectory.intrinsics[0]))
    if "lens" not in holds:
        left.insert(0, "the lens")
    elif zooms and "zoom" not in holds:
        left.insert(0, "the zoom: all frames get the first one's lens")
    return [f"{form.title} do not hold {word}" for word in left]


def format_named(name: str) -> Format:
    """The format of that name; raises InputError where there is none."""
    form = next((form for form in FORMATS if form.name == name.lower()), None)
    if form is None:
        raise InputError(f"There is no camera format {name!r}.", f"Known are: {', '.join(f.name for f in FORMATS)}.")
    return form


def format_of_name(path: Path) -> Format:
    """The format that a file of this name is written in; raises InputError where the name tells none."""
    form = max(FORMATS, key=lambda form: form.asked_by(path.name))
    if not form.asked_by(path.name):
        known = ", ".join(f"{form.title} ({form.suffixes[0]})" for form in FORMATS)
        raise InputError(f"The name {path.name} does not tell a camera format.", f"Known are: {known}.")
    return form


def _check(assumed: Assumed) -> None:
    view, size = assumed.view_degrees, assumed.size
    if view is not None and not 1 <= view <= 170:
        raise InputError(f"The field of view must be 1 to 170 degrees, not {view:g}.")
    if size is not None and not all(1 <= side <= 2**16 for side in size):
        raise InputError(f"The image size must be 1 to {2**16} pixels a side, not {size[0]}x{size[1]}.")


def _described(source: Source) -> str:
    if not source.data.strip():
        return "empty"
    if kind := next((kind for start, kind in _BY_BLENDER.items() if source.data.startswith(start)), None):
        return f"{kind} file, which Blender's File > Import reads"
    if source.json is not None:
        return shown(source.json)
    if source.text:
        return f"text that begins with {source.text.strip()[:40]!r}"
    return f"not text, {len(source.data)} bytes"
