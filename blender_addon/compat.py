"""Differences between Blender 4.2 and 5.2 and their Pythons, and nothing else.

Actions: 4.4 brought slots, so that one Action animates a camera object and its lens; before, the lens needs an Action
of its own, which is kept as a custom property of the object's. 5.0 removed `action.fcurves`.
Sequencer: 4.4 renamed `sequences` to `strips` (5.0 removed the old name); 5.0 gave the workspace a sequencer scene.
"""

from pathlib import Path
from typing import Any

import bpy
from mathutils import Matrix

SLOTTED = bpy.app.version >= (4, 4, 0)
GROUPED = bpy.app.version >= (5, 0, 0)
_LENS_ACTION = "dollygrip_lens_action"

# Without this option 4.5 and newer make a path that is picked in the interface absolute.
RELATIVE_PATH = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()


def new_take_action(name: str) -> tuple[bpy.types.Action, Any, Any]:
    """A new Action for a camera and its lens -> (action, the object's F-curves, the lens's F-curves)."""
    action = bpy.data.actions.new(name)
    if not SLOTTED:
        lens = bpy.data.actions.new(f"{name} Lens")
        action.id_root, lens.id_root = "OBJECT", "CAMERA"
        action[_LENS_ACTION] = lens
        return action, action.fcurves, lens.fcurves
    strip = action.layers.new("Take").strips.new(type="KEYFRAME")
    bags = [strip.channelbag(action.slots.new(kind, "Camera"), ensure=True) for kind in ("OBJECT", "CAMERA")]
    return action, bags[0].fcurves, bags[1].fcurves


def take_curves(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    """All F-curves of a take, those of the object first."""
    if not SLOTTED:
        lens = action.get(_LENS_ACTION)
        return [*action.fcurves, *(lens.fcurves if lens else ())]
    bags = [strip.channelbag(slot) for slot in action.slots for layer in action.layers for strip in layer.strips]
    return [curve for bag in bags if bag for curve in bag.fcurves]


def copy_take_action(action: bpy.types.Action) -> bpy.types.Action:
    """A copy of a take that shares no curve with it."""
    copy = action.copy()
    if not SLOTTED and (lens := action.get(_LENS_ACTION)):
        copy[_LENS_ACTION] = lens.copy()
    return copy


def remove_take_action(action: bpy.types.Action) -> None:
    lens = None if SLOTTED else action.get(_LENS_ACTION)
    bpy.data.batch_remove([action, lens] if lens else [action])


def assign_take(camera: bpy.types.Object, action: bpy.types.Action | None) -> None:
    """Animate a camera object and its lens by a take, or by nothing."""
    for owner in (camera, camera.data):
        owner.animation_data_create().use_tweak_mode = False  # the NLA editor's, in which the Action cannot be changed
    if not SLOTTED:
        camera.animation_data.action = action
        camera.data.animation_data.action = action.get(_LENS_ACTION) if action else None
        return
    for owner, kind in ((camera, "OBJECT"), (camera.data, "CAMERA")):
        data = owner.animation_data
        data.action = action
        if action:
            data.action_slot = next((slot for slot in action.slots if slot.target_id_type == kind), None)


def new_fcurve(curves: Any, data_path: str, index: int, group: str) -> bpy.types.FCurve:
    if GROUPED:
        return curves.new(data_path, index=index, group_name=group)
    if SLOTTED:
        return curves.new(data_path, index=index)
    return curves.new(data_path, index=index, action_group=group)


def strips_of(scene: bpy.types.Scene) -> Any:
    """The top-level strips of a scene's sequencer, which is made if there is none."""
    editor = scene.sequence_editor or scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def all_strips_of(scene: bpy.types.Scene) -> Any:
    """The strips of a scene's sequencer with those inside of meta strips; none where there is no sequencer."""
    editor = scene.sequence_editor
    return getattr(editor, "strips_all", None) or getattr(editor, "sequences_all", ())


def span_of(strip) -> tuple[int, int]:
    """First scene frame of a strip and the frame after its last; 5.2 renamed the properties."""
    if hasattr(strip, "left_handle"):
        return strip.left_handle, strip.right_handle
    return strip.frame_final_start, strip.frame_final_end


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene that the sequencer shows, which may be another than the window's."""
    return getattr(context, "sequencer_scene", None) or context.scene


def shown_in_sequencers(context: bpy.types.Context) -> set[bpy.types.Scene | None]:
    """The scenes that workspaces with a sequencer show there; without such a workspace, as `sequencer_scene`."""
    shown = set()
    for workspace in bpy.data.workspaces:
        kinds = {area.type for screen in workspace.screens for area in screen.areas}
        if hasattr(workspace, "sequencer_scene") and "SEQUENCE_EDITOR" in kinds:
            shown.add(workspace.sequencer_scene)
    return shown or {sequencer_scene(context)}


def lacks_sequencer_scene(workspace: bpy.types.WorkSpace) -> bool:
    """Whether a workspace's sequencer shows no scene, as in one that was added since the last `show_in_sequencer`."""
    return hasattr(workspace, "sequencer_scene") and workspace.sequencer_scene is None


def show_in_sequencer(scene: bpy.types.Scene) -> None:
    """Let workspaces that show no scene in their sequencer show this one."""
    for workspace in bpy.data.workspaces:
        if lacks_sequencer_scene(workspace):
            workspace.sequencer_scene = scene


def object_curves(action: bpy.types.Action) -> Any:
    """The F-curves that a take has for its camera object."""
    return action.fcurves if not SLOTTED else _curves_for(action, "OBJECT")


def lens_curves(action: bpy.types.Action) -> Any:
    """The F-curves that a take has for its camera's lens."""
    return action[_LENS_ACTION].fcurves if not SLOTTED else _curves_for(action, "CAMERA")


def own_lens_curves(action: bpy.types.Action) -> Any:
    """As `lens_curves`, of a take that Blender has copied: before slots the copy shares its lens's Action."""
    if not SLOTTED:
        action[_LENS_ACTION] = action[_LENS_ACTION].copy()
    return lens_curves(action)


def _curves_for(action: bpy.types.Action, kind: str) -> Any:
    slot = next(slot for slot in action.slots if slot.target_id_type == kind)
    return action.layers[0].strips[0].channelbag(slot, ensure=True).fcurves


def curves_of(owner: bpy.types.ID) -> list[bpy.types.FCurve]:
    """The F-curves that animate an object or its data, whatever Action they lie in."""
    data = owner.animation_data
    if data is None or data.action is None:
        return []
    if not SLOTTED:
        return list(data.action.fcurves)
    strips = [strip for layer in data.action.layers for strip in layer.strips] if data.action_slot else []
    bags = [strip.channelbag(data.action_slot) for strip in strips]
    return [curve for bag in bags if bag for curve in bag.fcurves]


def strokes_of(drawing: bpy.types.Object) -> list[tuple[list[Any], bool]]:
    """The strokes of a Grease Pencil object that are seen now -> world points, closed; the last drawn come last.

    4.3 brought a new kind of Grease Pencil; before, it was the object type GPENCIL.
    """
    found = []
    for layer in drawing.data.layers:
        if _is_hidden(layer):
            continue
        if drawing.type == "GPENCIL":
            matrix, frame = drawing.matrix_world @ layer.matrix_layer, layer.active_frame
            strokes = frame.strokes if frame else []
            found += [([matrix @ p.co for p in stroke.points], stroke.use_cyclic) for stroke in strokes]
        elif frame := layer.current_frame():
            above = _bearer(layer) or drawing.matrix_world
            matrix = above @ layer.matrix_local
            found += [([matrix @ p.position for p in s.points], s.cyclic) for s in frame.drawing.strokes]
    return found


def _bearer(layer: Any) -> Matrix | None:
    """What a Grease Pencil layer is parented to, in the world; None for one that its object bears."""
    if (parent := layer.parent) is None:
        return None
    bone = parent.pose.bones.get(layer.parent_bone) if parent.pose else None
    return parent.matrix_world @ (bone.matrix if bone else Matrix()) @ layer.matrix_parent_inverse


def _is_hidden(layer: Any) -> bool:
    """Whether a Grease Pencil layer, or a group that it is in, is hidden; 4.3 brought groups."""
    group = getattr(layer, "parent_group", None)
    return layer.hide or (group is not None and _is_hidden(group))


def animate_object(owner: bpy.types.Object, name: str) -> Any:
    """Give an object a new Action of its own -> the F-curves."""
    action = bpy.data.actions.new(name)
    data = owner.animation_data_create()
    data.action = action
    if not SLOTTED:
        return action.fcurves
    data.action_slot = action.slots.new("OBJECT", owner.name)
    strip = action.layers.new("Object").strips.new(type="KEYFRAME")
    return strip.channelbag(data.action_slot, ensure=True).fcurves


def stored_properties(owner: bpy.types.ID) -> Any:
    """The properties of extensions as a datablock stores them, by name; 5.0 parted them from custom properties."""
    return (owner.bl_system_properties_get() or {}) if GROUPED else owner


def is_file(path: Path) -> bool:
    """Whether there is a file. Before Python 3.14 Path.is_file raises for what no system takes for a path."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether there is a folder, as `is_file` says it of a file."""
    try:
        return path.is_dir()
    except OSError:
        return False
