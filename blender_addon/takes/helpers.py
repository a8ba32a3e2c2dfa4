"""What carries a take's rig in the file: the path that its camera rides along, or the subject that it looks at.

The take's Action knows its helper, so that it is copied, moved in time and removed with the take.
"""

import bpy

from .. import compat

PLAIN, PATH, AIM = "PLAIN", "PATH", "AIM"
_KEY = "dollygrip_rig"


def helper_of(action: bpy.types.Action) -> bpy.types.Object | None:
    """The path or the subject of a take, None for a take of plain curves."""
    return action.get(_KEY)


def kind_of(action: bpy.types.Action) -> str:
    helper = helper_of(action)
    return PLAIN if helper is None else PATH if helper.type == "CURVE" else AIM


def give(action: bpy.types.Action, helper: bpy.types.Object) -> None:
    """Let a take ride or aim by this helper."""
    action[_KEY] = helper


def discard(action: bpy.types.Action) -> None:
    """Remove a take's path or subject, unless another take uses it too. For takes that are about to be deleted."""
    helper = helper_of(action)
    if helper is None:
        return
    del action[_KEY]
    if any(helper_of(other) == helper for other in bpy.data.actions):
        return
    moves = helper.animation_data.action if helper.animation_data else None
    bpy.data.batch_remove([data for data in (helper, helper.data, moves) if data is not None])


def separate(action: bpy.types.Action, camera: bpy.types.Object) -> None:
    """Give a take of a camera that was copied from another a path or subject of its own, in a scene of the camera."""
    helper = helper_of(action)
    if helper is None:
        return
    own = helper.copy()
    own.data = helper.data.copy() if helper.data else None
    if helper.animation_data and helper.animation_data.action:
        own.animation_data.action = helper.animation_data.action.copy()
        if compat.SLOTTED:
            own.animation_data.action_slot = own.animation_data.action.slots[0]
    beside = set(helper.users_scene) & set(camera.users_scene)
    for collection in (helper if beside else camera).users_collection:
        collection.objects.link(own)
    give(action, own)


def separate_shared(action: bpy.types.Action, camera: bpy.types.Object) -> None:
    """As `separate`, where another take uses the same path or subject."""
    helper = helper_of(action)
    if any(helper_of(other) == helper for other in bpy.data.actions if other != action):
        separate(action, camera)


def subject_curves(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    """F-curves of what a take aims at, which belong to the take as much as its own."""
    helper = helper_of(action)
    animation = helper.animation_data if helper else None
    return list(compat.object_curves(animation.action)) if animation and animation.action else []
