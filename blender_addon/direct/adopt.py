"""Any animated camera becomes a shot: what moves it now is its first take, a copy of its own curves."""

import bpy

from dollygrip.errors import InputError
from dollygrip.trajectory import MAX_FRAMES

from .. import compat
from ..camera import camera, curve_parts, depths
from ..takes import settings, takes
from . import joining


def frame_range(scene: bpy.types.Scene, thing: bpy.types.Object) -> tuple[int, int]:
    """Frames of a camera's take, else those of the scene; raises InputError for more than a trajectory has."""
    take = takes.shown(thing)
    first, last = takes.frame_range(take) if take else (scene.frame_start, scene.frame_end)
    if last - first >= MAX_FRAMES:
        raise InputError(f"The frames {first} to {last} are too many.", f"Use at most {MAX_FRAMES}.")
    return first, last


def adopt(context: bpy.types.Context, thing: bpy.types.Object) -> bpy.types.Action:
    """The take that a camera shows; a camera without one gets a take of what animates it, and shows that.

    Its own Actions stay as they are, protected. The take's dense camera is what Blender evaluates. Raises InputError
    for a camera that cannot be sampled.
    """
    if take := takes.shown(thing):
        return take
    scene = context.scene
    first, last = frame_range(scene, thing)
    seen = camera.sample(context, first, last, thing, 1.0)
    depth = depths.known_depth(context, seen, first, thing) or camera.ASSUMED_DEPTH
    action, *copies = compat.new_take_action(f"{thing.name} as it was")
    for owner, curves in zip((thing, thing.data), copies, strict=True):
        for curve in compat.curves_of(owner):
            curve_parts.copy(curve, curves)
            curve.id_data.use_fake_user = True
    action.use_fake_user = action.use_frame_range = True
    action.frame_start, action.frame_end = first, last
    joining.complete(action, thing)
    takes.make_shot(scene, thing)
    seen = type(seen)(seen.c2w, seen.intrinsics, seen.size, seen.fps, depth, {"adopted": thing.name})
    takes.record(action, seen, {"prompt": "", "reference": takes.chosen_reference(scene, thing), "parent_take": ""})
    settings.keep(action, thing)
    takes.enlist(thing, action)
    return action
