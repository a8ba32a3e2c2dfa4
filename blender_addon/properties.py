"""The state of `scene.dollygrip`: what the panels show and what scripts set."""

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import compat, takes


def _is_camera(_state, candidate: bpy.types.Object) -> bool:
    return candidate.type == "CAMERA"


def _switch_take(state, context) -> None:
    takes.activate(state.id_data, state.take_index)


class DOLLYGRIP_PG_take(bpy.types.PropertyGroup):
    """An entry of the take list; the take itself is its Action."""

    action: PointerProperty(type=bpy.types.Action)


class DOLLYGRIP_PG_scene(bpy.types.PropertyGroup):
    """What to predict and render, and the takes of this scene.

    Numbers have soft limits only: what is out of bounds is refused with a reason instead of being changed silently.
    """

    prompt: StringProperty(
        name="Prompt",
        description="What the camera does and what is seen, in your own words",
        options={"TEXTEDIT_UPDATE"},
    )
    reference: StringProperty(
        name="Reference",
        description="The picture that the shot starts from",
        subtype="FILE_PATH",
        options=compat.RELATIVE_PATH,
    )
    frame_count: IntProperty(
        name="Frames", description="Length of the camera move", default=81, soft_min=2, soft_max=1000
    )
    seed: IntProperty(name="Seed", description="Another seed gives another camera for the same prompt", soft_min=0)
    takes: IntProperty(
        name="Takes", description="How many cameras to predict at once", default=1, soft_min=1, soft_max=8
    )
    strength: FloatProperty(
        name="Strength",
        description="How far the camera moves: 1 as predicted, 0 not at all",
        default=1.0,
        soft_min=0.0,
        soft_max=2.0,
    )
    start: PointerProperty(
        name="Start At",
        description="The camera the reference was taken with: the take starts there, with its lens. "
        "Without one it starts 1.6 m above the origin, level, looking along +Y",
        type=bpy.types.Object,
        poll=_is_camera,
    )
    exact_depth: BoolProperty(
        name="Depth from Scene",
        description="The reference shows this scene from the start camera: take its depth from the geometry, exactly, "
        "instead of estimating it from the picture",
    )
    scene_depth: FloatProperty(
        name="Depth",
        description="Distance of the picture's middle ground, which sets the scale of the move. "
        "0 measures it: in the scene where the camera sees geometry, else in the picture",
        subtype="DISTANCE",
        unit="LENGTH",
        soft_min=0.0,
    )
    engine: StringProperty(name="Engine", description="The video engine; auto takes the best available", default="auto")
    width: IntProperty(
        name="Width",
        description="Width of the video in pixels; 0 takes what suits engine and scene",
        soft_min=0,
    )
    height: IntProperty(name="Height", description="Height of the video in pixels; 0 follows the width", soft_min=0)
    take_list: CollectionProperty(type=DOLLYGRIP_PG_take)
    take_index: IntProperty(name="Take", update=_switch_take)
    error: StringProperty(name="Error", options={"SKIP_SAVE"})
    hint: StringProperty(name="Way Out", options={"SKIP_SAVE"})
    notice: StringProperty(name="Notice", options={"SKIP_SAVE"})


_classes = (DOLLYGRIP_PG_take, DOLLYGRIP_PG_scene)


def register() -> None:
    for cls in _classes:
        bpy.utils.register_class(cls)
    bpy.types.Scene.dollygrip = PointerProperty(type=DOLLYGRIP_PG_scene)


def unregister() -> None:
    del bpy.types.Scene.dollygrip
    for cls in reversed(_classes):
        bpy.utils.unregister_class(cls)
