"""What must be put right before a file is saved so that it survives that, and being moved.

Takes are protected from being dropped. Their pictures and the strips' frames are Blender's own paths; the references
that shots are asked for and the records of jobs are text: they stay relative to the file wherever that is saved, and
references become so where they lie beside it. Frames that were rendered before the file had a place lie in a temporary
folder; they are copied beside it when it gets one and no job needs them there any more. Undo may lead back to the first
ones, so they go when Blender ends.
"""

import atexit
import filecmp
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy

from dollygrip.errors import InputError

from .. import linked
from ..backend.session import session
from ..takes import takes
from . import strips

FRAMES = "dollygrip"  # folder of all shots' frames beside the .blend
REFERENCES = "references"  # folder in it of the references that were captured
TEMPORARY = "dollygrip_"  # how the folders of an unsaved file's frames and references begin
_RECORDED = {"folder", "measured", "reference"}  # paths in the records of jobs
_before: dict[tuple[int, str], str] = {}  # what `_paths` were while a file is written
_made: set[Path] = set()  # temporary folders of this session that no file was written with
_copying: set[Path] = set()  # temporary folders whose content comes beside the file that is being written
_copied: set[Path] = set()  # temporary folders whose content is beside a file that was open, too


def parent_folder() -> Path | None:
    """Where new shots' folders belong: beside the .blend; None, which is a temporary place, while it is unsaved."""
    return Path(bpy.path.abspath("//")) / FRAMES if bpy.data.filepath else None


def temporary_folder() -> Path:
    """Make a folder that lasts at least until Blender ends; on any thread."""
    folder = Path(tempfile.mkdtemp(prefix=TEMPORARY))
    _made.add(folder)
    return folder


def new_folder(parent: Path) -> Path:
    """Make the next free folder for the frames of a shot; on any thread. Raises InputError as `make`."""
    used = [int(p.name[5:]) for p in parent.glob("shot_*") if p.name[5:].isdigit()]
    return make(parent / f"shot_{max(used, default=0) + 1:03d}", exist_ok=False)


def discard(folder: Path) -> None:
    """Remove a shot's folder, and the temporary one that was made for it."""
    shutil.rmtree(folder.parent if folder.parent in _made else folder, ignore_errors=True)


def make(folder: Path, exist_ok: bool = True) -> Path:
    """Make a folder and those above it; raises InputError where the system does not let us."""
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made: {error.strerror}.", "Save the .blend where its folder can be written."
        ) from error
    return folder


@bpy.app.handlers.persistent
def before_saving(path: str) -> None:
    session.on_queue()  # scenes know their jobs
    if not path:  # the startup file
        return
    takes.protect_listed()
    _before.update({key: getattr(owner, name) for key, owner, name in _paths()})
    place = Path(path).parent
    for image in bpy.data.images:
        absolute = _absolute(image.filepath)
        if not image.library and (kept := _collected(absolute, place)) != absolute:
            image.filepath = str(kept)
    for _, brief in takes.briefs():
        chosen = brief.reference
        absolute = _collected(_absolute(chosen), place)
        if absolute.is_relative_to(place) or (chosen.startswith("//") and bpy.data.filepath):
            _name(brief, "reference", _relative(absolute, place))
    for scene in linked.own_scenes():
        _collect_frames(scene, place)
    _made.difference_update(_referred(_made))
    for scene in linked.own_scenes():
        _name(scene.dollygrip, "job", _seen_from(place, scene.dollygrip.job))


@bpy.app.handlers.persistent
def after_saving(path: str) -> None:
    """Where a copy was written, or nothing, this file is where it was, and shows what it showed."""
    if path and Path(path) != Path(bpy.data.filepath):
        for key, owner, name in _paths():
            _name(owner, name, _before.get(key, getattr(owner, name)))
    else:
        _copied.update(_copying)
    _copying.clear()
    _before.clear()


def _paths() -> Iterator[tuple[tuple[int, str], Any, str]]:
    """What saving puts right -> session_uid of its datablock and which of it; owner and name of the property."""
    for image in bpy.data.images:
        yield (image.session_uid, "filepath"), image, "filepath"
    for owner, brief in takes.briefs():
        yield (owner.session_uid, "reference"), brief, "reference"
    for scene in linked.own_scenes():
        for name in ("notice", "job"):
            yield (scene.session_uid, name), scene.dollygrip, name
        for place, strip in enumerate(strips.rendered(scene)):
            for name in ("name", "directory"):
                yield (scene.session_uid, f"{name} of strip {place}"), strip, name


def _name(owner: Any, name: str, value: str) -> None:
    """Set a property; Blender would take the same text again for a change of the shot."""
    if getattr(owner, name) != value:
        setattr(owner, name, value)


def _absolute(path: str) -> Path:
    return Path(os.path.normpath(bpy.path.abspath(path)))


def _relative(path: Path, place: Path) -> str:
    try:
        return "//" + os.path.relpath(path, place).replace(os.sep, "/")
    except ValueError:  # another drive
        return str(path)


def _seen_from(place: Path, job: str) -> str:
    """The record of a job for a file in another folder: its paths are relative to the file."""
    with suppress(ValueError, AttributeError):  # no job, or no record
        record = json.loads(job)
        for owner in (record, record.get("provenance", {})):
            relative = {key for key in _RECORDED if str(owner.get(key)).startswith("//")}
            owner.update({key: _relative(_absolute(owner[key]), place) for key in relative})
        return json.dumps(record)
    return job


def _is_temporary(folder: Path, place: Path) -> bool:
    """Whether a folder is one of `temporary_folder`, also of a session that crashed, whose file was recovered.

    The animator's own folders may be called alike: they lie elsewhere, or the file is saved in them, at `place`.
    """
    made = folder in _made or (folder.name.startswith(TEMPORARY) and folder.parent == Path(tempfile.gettempdir()))
    return made and not place.is_relative_to(folder)


def _collected(reference: Path, place: Path) -> Path:
    """Where a reference is: one in a temporary folder is copied to beside the file."""
    if not (_is_temporary(reference.parent, place) and reference.is_file()):
        return reference
    folder = place / FRAMES / REFERENCES
    folder.mkdir(parents=True, exist_ok=True)
    _copying.add(reference.parent)
    return _copied_into(folder, reference)


def _copied_into(folder: Path, file: Path) -> Path:
    """A copy of a file in a folder; where another file has its name there, under a free one."""
    copy = folder / file.name
    for number in itertools.count(2):
        if not copy.exists():
            return Path(shutil.copy(file, copy))
        if filecmp.cmp(file, copy, shallow=False):
            return copy
        copy = folder / f"{file.stem}_{number}{file.suffix}"


def _collect_frames(scene: bpy.types.Scene, place: Path) -> None:
    """Copy frames from temporary folders and let strips show the copies, but not while a job needs them there.

    Strips that are called after their folder are called after the copy.
    """
    in_use = _in_use(scene)
    for strip in strips.rendered(scene):
        folder = strips.folder_of(strip)
        if folder not in in_use and folder.is_dir() and _is_temporary(folder.parent, place):
            kept = new_folder(place / FRAMES)
            shutil.copytree(folder, kept, dirs_exist_ok=True)
            _copying.add(folder.parent)
            strip.directory = f"{kept}{os.sep}"
            if strip.name.startswith(folder.name):
                strip.name = kept.name + strip.name.removeprefix(folder.name)
            if str(folder) in scene.dollygrip.notice:  # it says that they are there
                scene.dollygrip.notice = ""


def _in_use(scene: bpy.types.Scene) -> set[Path]:
    """The folders of the job that runs, and of the one that the scene can go on with."""
    found = [str(folder)] if (folder := getattr(session.task, "folder", None)) else []
    with suppress(ValueError, TypeError, KeyError):  # no job, or none with a folder
        record = json.loads(scene.dollygrip.job)
        if record["job"] not in session.ended:
            found.append(bpy.path.abspath(str(record.get("folder") or record["measured"])))
    return {Path(os.path.normpath(folder)) for folder in found}


def _referred(folders: Iterable[Path]) -> set[Path]:
    """Those of some folders that anything of the open file refers to, or a job of it does."""
    if not (wanted := set(folders)):
        return set()
    found = [Path(file) for file in bpy.utils.blend_paths(absolute=True)]
    found += [Path(bpy.path.abspath(brief.reference)) for _, brief in takes.briefs()]
    for scene in linked.own_scenes():
        found += _in_use(scene)
    return {folder for folder in wanted if any(path.is_relative_to(folder) for path in found)}


def _remove_at_exit() -> None:
    """Let those temporary folders go with Blender that are on disk twice: no file leads to them, nor does undo then."""
    unused = _made & _copied
    for folder in unused - _referred(unused):
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


_handlers = (
    ("save_pre", before_saving),
    ("save_post", after_saving),
    ("save_post_fail", after_saving),
)


def register() -> None:
    for event, handler in _handlers:
        getattr(bpy.app.handlers, event).append(handler)


def unregister() -> None:
    """Blender ends by disabling its extensions: it is the last time to look at what the file refers to."""
    _remove_at_exit()
    for event, handler in _handlers:
        getattr(bpy.app.handlers, event).remove(handler)
