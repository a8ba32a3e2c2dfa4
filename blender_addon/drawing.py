"""What the panels share: thumbnails, wrapped text, the progress of a job."""

import os
from functools import lru_cache
from pathlib import Path

import blf
import bpy
import bpy.utils.previews
import numpy as np

from . import compat, picture_file
from .backend.session import session
from .backend.setting_up import is_missing, setting_up
from .takes import takes

_MARGINS, _ICON, _NARROWEST = 78, 20, 64  # pixels at a scale of 1: beside a line in a box, its icon, the least room
_previews: bpy.utils.previews.ImagePreviewCollection | None = None


def previews() -> bpy.utils.previews.ImagePreviewCollection:
    """The pictures that panels show as icons, by name; they go when the extension is disabled."""
    return _previews


def picture_size(path: str) -> tuple[int, int] | None:
    """(width, height) of a picture file as a viewer shows it; None where it is not there, or not known of its kind."""
    absolute = Path(bpy.path.abspath(path))
    if not path or not compat.is_file(absolute):
        return None
    return _size_in(absolute, absolute.stat().st_mtime_ns)


@lru_cache(maxsize=8)  # panels ask at each redraw
def _size_in(path: Path, _changed: int) -> tuple[int, int] | None:
    try:
        data = picture_file.read(path)
    except OSError:
        return None
    size = picture_file.size(data)
    return size[::-1] if size and picture_file.orientation(data) >= 5 else size


def thumbnail(path: str) -> int:
    """Icon of a picture file, 0 where there is none; a file that changed is read anew."""
    absolute = Path(os.path.normpath(bpy.path.abspath(path)))  # an appended shot's goes up first
    if not path or not compat.is_file(absolute):
        return 0
    key = f"{absolute} {absolute.stat().st_mtime_ns}"
    found = _previews.get(key) or _upright_preview(key, absolute)
    return found.icon_id


def _upright_preview(key: str, path: Path) -> bpy.types.ImagePreview:
    """A picture file as an icon; Blender leaves one that is stored turned as it lies in the file."""
    found = _previews.load(key, str(path), "IMAGE")
    try:
        turn = picture_file.orientation(picture_file.read(path))
    except OSError:
        return found
    for kind in ("image", "icon") if turn != 1 else ():
        across, down = getattr(found, f"{kind}_size")
        stored = np.array(getattr(found, f"{kind}_pixels_float"), np.float32).reshape(down, across, 4)
        shown = picture_file.upright(stored[::-1], turn)[::-1]
        setattr(found, f"{kind}_size", shown.shape[1::-1])
        setattr(found, f"{kind}_pixels_float", shown.ravel())
    return found


def wrapped(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """Text in as many lines as the sidebar's width needs, in a box, too; labels do not wrap by themselves."""
    preferences = context.preferences
    scale = preferences.system.ui_scale
    blf.size(0, preferences.ui_styles[0].widget.points * scale)
    room = max(_NARROWEST * scale, context.region.width - (_MARGINS + (0 if icon == "NONE" else _ICON)) * scale)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for i, line in enumerate(_lines(text, room)):
        column.label(text=line, icon=icon if i == 0 else ("BLANK1" if icon != "NONE" else "NONE"))


def _lines(text: str, room: float) -> list[str]:
    """Text broken so that each line is at most `room` pixels wide, between words where these are not longer."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _width(longer) <= room:
            lines[-1] = longer
            continue
        lines.append("")
        for letter in word:  # a path without spaces
            if _width(lines[-1] + letter) > room:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line] or [""]


def _width(text: str) -> float:
    return blf.dimensions(0, text)[0]


def draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, kind: str) -> None:
    """Progress of the running task of this kind, or how the last one of this kind ended where its shot is shown."""
    state, task, status = context.scene.dollygrip, session.task, session.status
    if session.pending(context.scene) == kind:
        row = layout.row(align=True)
        row.label(text="Unfinished", icon="TIME")
        row.operator("dollygrip.resume_job", text="Resume")
        row.operator("dollygrip.forget_job", text="", icon="X")
    if task is not None:
        if type(task).__name__ == kind:
            if session.asked > 1:
                wrapped(layout, context, f"{task.title}: {session.place} of {session.asked}")
            row = layout.row(align=True)
            count = f"  {status.done} / {status.total}" if status.total else ""
            row.progress(factor=status.share, text=f"{status.text}{count}")
            row.operator("dollygrip.cancel_job", text="", icon="X")
        return
    if not tells(context.scene, kind):
        return
    if state.error:
        box = layout.box()
        box.alert = True
        wrapped(box, context, state.error, "ERROR")
        if state.hint:
            wrapped(box, context, state.hint, "BLANK1")
    if state.notice:
        wrapped(layout, context, state.notice, "CHECKMARK")


def draw_set_up(layout: bpy.types.UILayout, context: bpy.types.Context, again: str = "") -> None:
    """The way to a backend where none is known, how far that is, and what went wrong; again: what the button is called
    where there is one. Else nothing is drawn."""
    if status := setting_up.status:
        row = layout.row(align=True)
        count = f"  {status.done} / {status.total}" if status.total else ""
        row.progress(factor=status.share, text=f"{status.text}{count}")
        row.operator("dollygrip.cancel_set_up", text="", icon="X")
        return
    missing, error = is_missing(), setting_up.error
    if not (missing or error or again):
        return
    if error:
        box = layout.box()
        box.alert = True
        wrapped(box, context, str(error), "ERROR")
    elif missing:
        said = "Dollygrip's backend, the program beside Blender that does the work, is not set up on this computer."
        wrapped(layout, context, said, "INFO")
    elif setting_up.done:
        layout.label(text="The backend is set up.", icon="CHECKMARK")
    row = layout.row()
    row.scale_y = 1.3 if missing else 1.0
    row.operator("dollygrip.set_up_backend", text=again or "Set Up Backend", icon="IMPORT")
    if missing and not bpy.app.online_access:
        wrapped(
            layout,
            context,
            "It needs System › Network › Allow Online Access in Blender's preferences.",
            "INTERNET_OFFLINE",
        )


def tells(scene: bpy.types.Scene, kind: str) -> bool:
    """Whether a panel tells how the last task of a kind ended: that was about what the scene shows."""
    shown = {shot.session_uid for shot in (scene.camera, takes.find_camera(scene)) if shot}
    return session.last == kind and scene.dollygrip.about in {0, *shown}


def register() -> None:
    global _previews
    _previews = bpy.utils.previews.new()


def unregister() -> None:
    global _previews
    bpy.utils.previews.remove(_previews)
    _previews = None
