"""Which part of a shot is to be re-directed, and which of its keys are locked.

The part is that of the selected keys, else the preview range, else the two frames of the panel. Keys of the type
Extreme are locked: the type is seen in every editor of keys by its colour, is set there by a key (R), survives what is
done to the key, and means just that to animators: a pose that must be hit.
"""

import bpy

from dollygrip.errors import InputError

from .. import compat
from ..camera import pose_channels
from ..rigs import rigs
from ..takes import takes
from . import adopt, joining

FIELDS = "First and Last"
_POSING = ("location", "rotation_euler", "rotation_quaternion")


def pose_curves(shot: bpy.types.Object) -> list[bpy.types.FCurve]:
    """The curves that pose a camera object now."""
    names = pose_channels.names_of(shot)
    return [curve for curve in compat.curves_of(shot) if (curve.data_path, curve.array_index) in names]


def chosen_frames(scene: bpy.types.Scene, shot: bpy.types.Object) -> tuple[int, int, str] | None:
    """First and last frame that the animator chose, and by what; None where nothing is chosen.

    New keys are all selected in Blender, so that says nothing.
    """
    points = [point for curve in pose_curves(shot) for point in curve.keyframe_points]
    selected = {round(point.co.x) for point in points if point.select_control_point}
    if len(selected) > 1 and not all(point.select_control_point for point in points):
        return min(selected), max(selected), "the selected keys"
    if scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end, "the preview range"
    part = scene.dollygrip.brief.direct
    return (part.first, part.last, FIELDS) if part.last > part.first else None


def chosen_span(scene: bpy.types.Scene, shot: bpy.types.Object) -> joining.Span:
    """The part to re-direct. Raises InputError where there is none, or it cannot be re-directed."""
    if (chosen := chosen_frames(scene, shot)) is None:
        raise InputError(
            "No part of the shot is chosen.", "Select keys of the camera, or set a preview range, or First and Last."
        )
    return span_within(scene, shot, *chosen)


def span_within(scene: bpy.types.Scene, shot: bpy.types.Object, start: int, end: int, said: str) -> joining.Span:
    """The frames start to end as far as they lie in a shot; said: what they are called. Raises InputError."""
    take = takes.shown(shot)
    if take:
        check_plain(take)
    if shot.animation_data and any(d.data_path in _POSING for d in shot.animation_data.drivers):
        raise InputError(f"Drivers pose {shot.name}.", "Bake them to keys, or remove them.")
    for owner in () if take else (shot, shot.data):
        if _only_by_strips(owner):
            raise InputError(
                f"Strips of the Nonlinear Animation editor move {owner.name}.",
                "Bake them to an Action (Object > Animation > Bake Action), then re-direct that.",
            )
    first, last = adopt.frame_range(scene, shot)
    inside = max(first, start), min(last, end)
    if inside[0] >= inside[1]:
        raise InputError(f"Frames {start} to {end}, {said}, lie outside of the shot.", f"It has {first} to {last}.")
    curves = pose_curves(shot)
    span = joining.span_of(curves, *inside, (first, last))
    joining.check_borders(curves, next((c for c in compat.curves_of(shot.data) if c.data_path == "lens"), None), span)
    return span


def check_plain(take: bpy.types.Action) -> None:
    """Raise InputError for a take with a rig, some of whose curves rest."""
    if rigs.kind_of(take) != rigs.PLAIN:
        raise InputError("The take has a rig.", "Set Rig to Curves first; the camera stays the same.")


def _only_by_strips(owner: bpy.types.ID) -> bool:
    """Whether strips animate a camera object, or its lens, and no Action that could become a take."""
    animation = owner.animation_data
    if animation is None or animation.action or not animation.use_nla:
        return False
    return any(not strip.mute for track in animation.nla_tracks if not track.mute for strip in track.strips)


def lock(curves: list[bpy.types.FCurve], locked: bool) -> int:
    """Lock the selected keys, or free them -> how many frames they are on."""
    frames = set()
    for curve in curves:
        for point in curve.keyframe_points:
            if point.select_control_point:
                point.type = "EXTREME" if locked else "KEYFRAME"
                frames.add(point.co.x)
    return len(frames)
