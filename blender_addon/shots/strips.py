"""Shots in the sequencer: an image strip for each render, growing while its frames arrive, never over another strip."""

import os
from pathlib import Path
from typing import Any

import bpy

from .. import compat
from ..takes import takes
from . import colours

_KEY = "dollygrip"
_CHANNELS = 128


def shot_of(strip) -> dict[str, Any] | None:
    """The provenance of a strip that a render made, with the absolute `folder` of its frames."""
    return {**strip[_KEY].to_dict(), "folder": str(folder_of(strip))} if _KEY in strip else None


def folder_of(strip) -> Path:
    """Where a strip's frames are. Blender keeps this path right when the file is moved or saved elsewhere."""
    return Path(os.path.normpath(bpy.path.abspath(strip.directory)))


def active(context: bpy.types.Context):
    """The active strip of the sequencer; None where there is none."""
    editor = compat.sequencer_scene(context).sequence_editor
    return editor.active_strip if editor else None


def is_active(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """Poll of operators on the active strip: whether that is a shot's."""
    strip = active(context)
    if strip is None or _KEY not in strip:
        operator.poll_message_set("Choose a strip that Dollygrip rendered")
        return False
    return True


def rendered(scene: bpy.types.Scene) -> list[Any]:
    """The strips that renders made, those inside of meta strips too."""
    return [strip for strip in compat.all_strips_of(scene) if _KEY in strip]


def of_folder(scene: bpy.types.Scene, folder: Path):
    """The strip that shows the frames of a folder; None where there is none."""
    wanted = Path(os.path.normpath(folder.absolute()))
    return next((strip for strip in rendered(scene) if folder_of(strip) == wanted), None)


def note(strip, key: str, value: Any) -> None:
    """Add to a strip's provenance."""
    strip[_KEY][key] = value


def ensure(scene: bpy.types.Scene, files: list[Path], first: int, length: int, shot: dict[str, Any]):
    """The strip of a shot with all of `files`, in order; made if there is none yet or an undo took it away.

    files: frames on disk so far, all of one folder; first: scene frame of the first; length: of the finished strip,
    for which the channel keeps room. The strip shows the files' own pixels wherever the scene's view can be undone.
    """
    strips, folder = compat.strips_of(scene), files[0].parent.absolute()
    strip = of_folder(scene, folder)
    if strip is None:
        name = f"{folder.name} {shot['take']}".strip()
        channel = _free_channel(strips, first, length)
        path = takes.beside(files[0].as_posix())
        strip = strips.new_image(name, path, channel, first, fit_method="FIT")
        colours.undo_view(scene, strip)
        compat.show_in_sequencer(scene)
        seen = scene.sequence_editor.active_strip
        if seen is None or _KEY in seen:
            scene.sequence_editor.active_strip = strip  # its take can be opened at once, and its camera measured
    for file in files[len(strip.elements) :]:
        strip.elements.append(file.name)
    strip[_KEY] = shot
    return strip


def _free_channel(strips, first: int, length: int) -> int:
    """The channel above all strips that lie on these frames: a new version lies on top. Where one of them, such as a
    title, has the topmost channel, the highest that is free."""
    spans = [(*compat.span_of(strip), strip.channel) for strip in strips]
    taken = [channel for start, end, channel in spans if start < first + length and end > first]
    above = max(taken, default=0) + 1
    return above if above <= _CHANNELS else max(set(range(1, _CHANNELS)) - set(taken), default=_CHANNELS)


def catch_up(_header: bpy.types.Header, context: bpy.types.Context) -> None:
    """Let a workspace that was added since a render show its strips, soon: drawing a sequencer may change nothing."""
    wanted = compat.lacks_sequencer_scene(context.workspace) and rendered(context.scene)
    if wanted and not bpy.app.timers.is_registered(show_rendered):
        bpy.app.timers.register(show_rendered)


def show_rendered() -> None:
    compat.show_in_sequencer(bpy.context.scene)


def register() -> None:
    bpy.types.SEQUENCER_HT_header.append(catch_up)


def unregister() -> None:
    bpy.types.SEQUENCER_HT_header.remove(catch_up)
