"""Which of its takes a camera shows, and copies of takes: a shot shares none with another, whoever made the copy.

Blender copies the Action that a duplicated camera shows, but not the other takes of its list.
"""

import uuid
from collections.abc import Iterator

import bpy

from .. import compat
from ..camera import curve_parts
from . import helpers, settings
from .takes import KEY, cameras, is_take, name_of_copy, place_of, shown

_SET_FOR = "dollygrip_set_for"  # id of the take by whose settings a camera was set


def activate(camera: bpy.types.Object, index: int) -> None:
    """Show the take at `index` of a camera's list; an index out of bounds or a deleted Action changes nothing."""
    entries = camera.dollygrip_shot.takes
    _list_copies(camera)
    if 0 <= index < len(entries) and entries[index].action:
        action = entries[index].action
        _keep_settings(camera)
        settings.restore(action, camera)
        compat.assign_take(camera, action)
        if is_take(action):
            camera[_SET_FOR] = action[KEY].get("id", "")


def _keep_settings(camera: bpy.types.Object) -> None:
    """Keep an animator's changes of a camera's settings with the take that it shows.

    Where they have picked another Action since, without the list, the settings are not that one's.
    """
    action = shown(camera)
    if action and camera.get(_SET_FOR) in (None, action[KEY].get("id", "")):
        settings.keep(action, camera)


def duplicate(camera: bpy.types.Object, action: bpy.types.Action) -> bpy.types.Action:
    """An independent copy of one of a camera's takes, listed nowhere yet."""
    if shown(camera) == action:
        _keep_settings(camera)
    copy = compat.copy_take_action(action)
    copy.name, copy.use_fake_user = name_of_copy(action), True
    helpers.separate(copy, camera)
    copy[KEY]["parent_take"], copy[KEY]["id"] = action[KEY].get("id", ""), uuid.uuid4().hex
    return copy


def own_copy(camera: bpy.types.Object) -> None:
    """Let a camera list the take that it shows as one of its own, where that is a copy with the id of another.

    An Action that was copied by hand is listed beside its original. Where Blender has duplicated the camera, or
    appended it again, the copy takes the place of what the list has of the original, and what else both list is copied.
    """
    if _list_copies(camera):
        camera.dollygrip_shot.take_index = len(camera.dollygrip_shot.takes) - 1


def _list_copies(camera: bpy.types.Object) -> bool:
    """As `own_copy`, but which take is chosen stays; whether the list has one more.

    Duplicates of this camera get takes of their own, too, before one of these is edited.
    """
    for other in _cameras():
        if other != camera and _listed(other) & _listed(camera):
            _list_copy(other)
    return _list_copy(camera)


def _list_copy(camera: bpy.types.Object) -> bool:
    """As `_list_copies`, for one camera.

    With slots a duplicate's Action is copied once for the object and once for the lens, and the latter is listed.
    """
    action, entries = shown(camera), camera.dollygrip_shot.takes
    original = action[KEY].get("id", "") if action else ""
    entry = next((e for e in entries if is_take(e.action) and e.action[KEY].get("id", "") == original), None)
    if not original or entry is None:
        return False
    spare, listed = entry.action, place_of(camera, action) >= 0
    if listed and not _is_copy(action):
        return False
    by_hand = not listed and not _is_copy(spare)
    action[KEY]["parent_take"], action[KEY]["id"] = original, uuid.uuid4().hex
    if not listed:
        entry = entries.add() if by_hand else entry
        entry.action, action.use_fake_user = action, True
        _own_lens(camera, action)
    if not (listed or by_hand or bpy.data.user_map(subset={spare})[spare]):
        compat.remove_take_action(spare)
    settings.keep(action, camera)
    camera[_SET_FOR] = action[KEY]["id"]
    helpers.separate_shared(action, camera)
    _copy_shared(camera)
    return by_hand


def _copy_shared(camera: bpy.types.Object) -> None:
    """Give a duplicated camera copies of its own of the takes that another camera lists, too."""
    others = set().union(*(_listed(other) for other in _cameras() if other != camera))
    for entry in camera.dollygrip_shot.takes:
        if is_take(entry.action) and entry.action in others:
            entry.action = duplicate(camera, entry.action)


def _is_copy(action: bpy.types.Action) -> bool:
    """Whether a camera lists another take with the same id that, by its name, was there first."""
    listed = {take for camera in _cameras() for take in _listed(camera) if is_take(take)}
    return any(other[KEY].get("id") == action[KEY]["id"] and other.name < action.name for other in listed)


def _cameras() -> Iterator[bpy.types.Object]:
    return (camera for camera in cameras() if not camera.library)


def _listed(camera: bpy.types.Object) -> set[bpy.types.Action]:
    return {entry.action for entry in camera.dollygrip_shot.takes if entry.action}


def _own_lens(camera: bpy.types.Object, action: bpy.types.Action) -> None:
    """Let a copied take have the lens that its camera shows, by curves of its own."""
    curves = compat.own_lens_curves(action)
    for curve in list(curves):
        curves.remove(curve)
    for curve in compat.curves_of(camera.data):
        curve_parts.copy(curve, curves)
    compat.assign_take(camera, action)
