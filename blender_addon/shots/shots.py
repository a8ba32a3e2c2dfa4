"""Shots: a Dollygrip camera with its takes. Camera markers on the timeline say on which frames it is seen.

The shot that is shown is the scene's camera, so with markers it follows the playhead. A bound shot runs from its marker
to the next camera's, as Blender itself cuts; another one as long as its take.
"""

from itertools import pairwise

import bpy
import numpy as np
from mathutils import Matrix

from dollygrip.conventions import blender_from_c2w
from dollygrip.errors import InputError

from .. import compat
from ..camera.camera import level_start
from ..takes import helpers, selection, takes


def of_scene(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The cameras of all shots, as they follow each other on the timeline; those without a marker come last."""
    return sorted(
        takes.cameras_of(scene),
        key=lambda camera: (min(_marked(scene, camera), default=np.inf), camera.name),
    )


def has_any(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """Poll of operators that need a shot."""
    if takes.find_camera(context.scene) is None:
        operator.poll_message_set("The scene has no shot yet: predict or load a camera, or press New Shot")
        return False
    return True


def show(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    """Make a shot's camera the scene's, and select it; where markers cut to it, the playhead moves to such a frame."""
    scene.camera = camera
    cuts = spans(scene, camera)
    if cuts and not any(first <= scene.frame_current <= last for first, last in cuts):
        scene.frame_set(cuts[0][0])
    selection.choose_camera(scene)


def stand(scene: bpy.types.Scene, shot: bpy.types.Object, beside: bpy.types.Object | None) -> None:
    """Let a new shot's camera see what another sees at the playhead; without one, what a take would begin with."""
    if beside is None or beside.type != "CAMERA":
        shot.matrix_world = Matrix(blender_from_c2w(level_start(), scene.unit_settings.scale_length))
        return
    place, turn, _ = beside.matrix_world.decompose()
    shot.matrix_world = Matrix.LocRotScale(place, turn, None)
    takes.see_like(shot.data, beside.data)
    for name in ("lens", "shift_x", "shift_y"):
        setattr(shot.data, name, getattr(beside.data, name))


def spans(scene: bpy.types.Scene, camera: bpy.types.Object) -> list[tuple[int, int]]:
    """First and last frame of every part of the timeline that markers give to a camera; none for an unbound one.

    The last camera on the timeline is seen until its take ends; where none lies there, to the scene's end.
    """
    cuts = sorted(((m.frame, m.camera) for m in scene.timeline_markers if m.camera), key=lambda cut: cut[0])
    take = takes.shown(camera)
    found: list[tuple[int, int]] = []
    for (first, seen), following in pairwise([*cuts, None]):
        if seen != camera:
            continue
        end = takes.frame_range(take)[1] if take else first - 1
        last = following[0] - 1 if following else end if end >= first else max(scene.frame_end, first)
        if found and found[-1][1] == first - 1:
            found[-1] = found[-1][0], last
        elif last >= first:
            found.append((first, last))
    return found


def frame_range(scene: bpy.types.Scene, camera: bpy.types.Object) -> tuple[int, int]:
    """First and last frame of a shot: its span at the playhead, else its first; unbound its take's, else the scene's.

    camera: any camera; one that is not Dollygrip's is seen on the scene's frames.
    """
    take = takes.shown(camera)
    cuts = spans(scene, camera) if takes.is_camera(camera) else []
    if cuts:
        return next((cut for cut in cuts if cut[0] <= scene.frame_current <= cut[1]), cuts[0])
    return takes.frame_range(take) if take else (scene.frame_start, scene.frame_end)


def first_frame(scene: bpy.types.Scene, camera: bpy.types.Object | None) -> int:
    """Where a new take of a shot begins: at its marker, else with the scene."""
    cuts = spans(scene, camera) if camera else []
    return cuts[0][0] if cuts else scene.frame_start


def bind(scene: bpy.types.Scene, camera: bpy.types.Object, frame: int) -> str:
    """Cut to a shot on `frame`, by the marker that is there or a new one -> what else was bound, in words.

    Before its first camera marker Blender shows that marker's camera, too: so where the first cut is made after the
    scene's start, the shot that was there before is bound at its own first frame. Raises InputError where another cuts.
    """
    here = next((m for m in scene.timeline_markers if m.frame == frame), None)
    if here and here.camera not in (None, camera):
        raise InputError(
            f"On frame {frame} the timeline cuts to {here.camera.name}.", "Move the playhead, or unbind it."
        )
    before = _hidden_by_first_cut(scene, camera, frame)
    marker = here or scene.timeline_markers.new(camera.name, frame=frame)
    marker.camera = camera
    if before is None:
        return ""
    first = takes.frame_range(takes.shown(before))[0]
    bind(scene, before, first)
    return f"{before.name} was bound at frame {first}, for it would not be seen before this cut."


def _hidden_by_first_cut(scene: bpy.types.Scene, camera: bpy.types.Object, frame: int) -> bpy.types.Object | None:
    """The first other shot that begins before `frame`, where no marker cuts yet and the scene begins earlier."""
    if frame <= scene.frame_start or any(marker.camera for marker in scene.timeline_markers):
        return None
    begun = [(takes.frame_range(take)[0], shot) for shot in of_scene(scene) if (take := takes.shown(shot))]
    earlier = [(first, shot) for first, shot in begun if shot != camera and first < frame]
    return min(earlier, key=lambda pair: pair[0])[1] if earlier else None


def unbind(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    """Let no marker cut to a shot any more; markers that bear its name go, others stay as plain markers."""
    for marker in [m for m in scene.timeline_markers if m.camera == camera]:
        marker.camera = None
        if marker.name == camera.name:
            scene.timeline_markers.remove(marker)


def slide(action: bpy.types.Action, first: int) -> None:
    """Move a take in time, keys, handles, modifiers and range, so that it begins on frame `first`."""
    by = first - takes.frame_range(action)[0]
    for curve in [*compat.take_curves(action), *helpers.subject_curves(action)]:
        points = curve.keyframe_points
        for name in ("co", "handle_left", "handle_right"):
            values = np.empty(2 * len(points), np.float32)
            points.foreach_get(name, values)
            values[::2] += by
            points.foreach_set(name, values)
        for modifier in curve.modifiers:
            _slide_modifier(modifier, by)
        curve.update()
    action.frame_start, action.frame_end = action.frame_start + by, action.frame_end + by
    takes.slide_part(action, by)


def _slide_modifier(modifier: bpy.types.FModifier, by: int) -> None:
    """Let a modifier do `by` frames later what it does now; cycles and limits do so by themselves."""
    # Blender lets neither end of the range pass the other
    modifier.frame_start, modifier.frame_end = modifier.frame_start + by, modifier.frame_end + by
    if modifier.type == "NOISE":
        modifier.offset += by
    elif modifier.type == "STEPPED":
        modifier.frame_offset += by
    elif modifier.type == "FNGENERATOR":
        modifier.phase_offset -= by * modifier.phase_multiplier
    elif modifier.type == "ENVELOPE":
        # All at once: Blender takes a single point that is set for a modifier, and may crash on what lies behind it.
        frames = np.empty(len(modifier.control_points), np.float32)
        modifier.control_points.foreach_get("frame", frames)
        modifier.control_points.foreach_set("frame", frames + np.float32(by))


def _marked(scene: bpy.types.Scene, camera: bpy.types.Object) -> list[int]:
    return [marker.frame for marker in scene.timeline_markers if marker.camera == camera]
