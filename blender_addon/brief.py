"""The brief: what a shot is asked for. Each shot has its own, and a scene has one for the time before its first shot.

It lies with the shot's camera, so that it is saved, undone, duplicated and appended with it. How to render, and the
state of jobs, is the scene's: see `properties`.
"""

from collections.abc import Callable, Container

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import compat

PATHS = {"CURVE", "GPENCIL", "GREASEPENCIL"}  # types of objects that a camera can move along
STAYS = {"prompt", "subject_kind", "subject_point", "subject_object", "direct"}  # with its shot; not for the next one
asked: list[Callable[[bpy.types.Scene], None]] = []  # called when the prompt or the reference of a shot has changed
_UNKEYED: set[str] = set()  # options without ANIMATABLE: a key would lie in the take that is shown


def _is_camera(_brief, candidate: bpy.types.Object) -> bool:
    return candidate.type == "CAMERA"


def _can_be_path(_direct, candidate: bpy.types.Object) -> bool:
    return candidate.type in PATHS


def clear_error(_brief, context: bpy.types.Context) -> None:
    """What was wrong may be right by now."""
    state = context.scene.dollygrip
    if state.error or state.hint:
        state.error = state.hint = ""


def _changed(_brief, context: bpy.types.Context) -> None:
    clear_error(_brief, context)
    for hear in asked:
        hear(context.scene)


class DOLLYGRIP_PG_direct(bpy.types.PropertyGroup):
    """Which part of the shot to re-direct and how, and the path that was drawn for a new camera."""

    prompt: StringProperty(
        name="New Direction",
        description="What the camera does in this part instead, in your own words",
        options={"TEXTEDIT_UPDATE"},
        update=clear_error,
    )
    first: IntProperty(
        name="First",
        description="First frame of the part, where no keys are selected",
        options=_UNKEYED,
        update=clear_error,
    )
    last: IntProperty(
        name="Last",
        description="Last frame of the part, where no keys are selected",
        options=_UNKEYED,
        update=clear_error,
    )
    path: PointerProperty(
        name="Path",
        description="A curve or Grease Pencil drawing that the camera moves along, from its first point to its last. "
        "Of several strokes the last one counts",
        type=bpy.types.Object,
        poll=_can_be_path,
        update=clear_error,
    )


class DOLLYGRIP_PG_brief(bpy.types.PropertyGroup):
    """What to predict.

    Numbers have soft limits only: what is out of bounds is refused with a reason instead of being changed silently.
    """

    prompt: StringProperty(
        name="Prompt",
        description="What the camera does and what is seen, in your own words",
        options={"TEXTEDIT_UPDATE"},
        update=_changed,
    )
    reference: StringProperty(
        name="Reference",
        description="The picture that the shot starts from",
        subtype="FILE_PATH",
        options=compat.RELATIVE_PATH,
        update=_changed,
    )
    frame_count: IntProperty(
        name="Frames",
        description="Length of the camera move",
        default=81,
        soft_min=2,
        soft_max=1000,
        options=_UNKEYED,
        update=clear_error,
    )
    seed: IntProperty(
        name="Seed",
        description="Another seed gives another camera for the same prompt",
        soft_min=0,
        options=_UNKEYED,
        update=clear_error,
    )
    takes: IntProperty(
        name="Takes",
        description="How many cameras to predict at once",
        default=1,
        soft_min=1,
        soft_max=8,
        options=_UNKEYED,
        update=clear_error,
    )
    strength: FloatProperty(
        name="Strength",
        description="How far the camera moves: 1 as predicted, 0 not at all",
        default=1.0,
        soft_min=0.0,
        soft_max=2.0,
        options=_UNKEYED,
        update=clear_error,
    )
    start: PointerProperty(
        name="Start At",
        description="The camera the reference was taken with: the take starts there, with its lens. "
        "Without one it starts 1.6 m above the origin, level, looking along +Y",
        type=bpy.types.Object,
        poll=_is_camera,
        update=clear_error,
    )
    exact_depth: BoolProperty(
        name="Exact Depth",
        description="For predicting. The reference shows this scene from the start camera, so how far everything is "
        "comes from the geometry, exactly, instead of being estimated from the picture",
        options=_UNKEYED,
        update=clear_error,
    )
    use_director: BoolProperty(
        name="Director",
        description="A vision-language model of the backend looks at the picture and puts the prompt's intent into "
        "camera moves first",
        options=_UNKEYED,
        update=clear_error,
    )
    scene_depth: FloatProperty(
        name="Depth",
        description="Distance of the picture's middle ground, which sets the scale of the move. "
        "0 measures it: in the scene where the camera sees geometry, else in the picture",
        subtype="DISTANCE",
        unit="LENGTH",
        soft_min=0.0,
        options=_UNKEYED,
        update=clear_error,
    )
    subject_kind: EnumProperty(
        name="Subject",
        description="What the camera goes around or toward",
        items=[
            ("AUTO", "Automatic", "What the prompt names, where it is found in the picture"),
            ("POINT", "Point", "A point of the picture"),
            ("OBJECT", "Object", "An object of the scene, at its true distance"),
        ],
        options=_UNKEYED,
        update=clear_error,
    )
    subject_point: FloatVectorProperty(
        name="Point",
        description="Fractions of the picture from its upper left corner",
        size=2,
        default=(0.5, 0.5),
        options=_UNKEYED,
        update=clear_error,
    )
    subject_object: PointerProperty(
        name="Object",
        description="The subject, which the start camera sees",
        type=bpy.types.Object,
        update=clear_error,
    )
    captured: StringProperty(name="Captured", description="The reference that is a camera's view, and its pose")
    direct: PointerProperty(type=DOLLYGRIP_PG_direct)


def hand_over(given: bpy.types.PropertyGroup, taken: bpy.types.PropertyGroup, but: Container[str] = ()) -> None:
    """Let a new brief say what another one says; but: properties that stay as they are."""
    for name in (prop.identifier for prop in given.bl_rna.properties):
        if name == "rna_type" or name in but or not given.is_property_set(name):
            continue
        value = getattr(given, name)
        if isinstance(value, bpy.types.PropertyGroup):
            hand_over(value, getattr(taken, name))
        else:
            setattr(taken, name, value)


def values(brief: bpy.types.PropertyGroup, but: Container[str] = ()) -> tuple:
    """What a brief says, without the properties `but`, as something that is compared by what it says."""
    names = (prop.identifier for prop in brief.bl_rna.properties)
    return tuple(_plain(getattr(brief, name)) for name in names if name != "rna_type" and name not in but)


def _plain(value) -> object:
    if isinstance(value, bpy.types.ID):
        return value.name
    if isinstance(value, bpy.types.PropertyGroup):
        return values(value)
    return value if value is None or isinstance(value, str | int | float) else tuple(value)
