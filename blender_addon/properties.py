"""The state of `scene.dollygrip`: what the panels show and what scripts set."""

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import compat
from .rigs import rigs
from .shots import shots
from .takes import copies, selection, takes


def _is_camera(_state, candidate: bpy.types.Object) -> bool:
    return candidate.type == "CAMERA"


def _switch_take(state, _context) -> None:
    """Show the chosen take; a place that the list does not have goes back to that of the take that is shown."""
    camera = state.id_data
    if 0 <= state.take_index < len(state.takes):
        copies.activate(camera, state.take_index)
    elif state.take_index != (shown := takes.place_of(camera, takes.shown(camera))):
        state.take_index = shown
    rigs.show(camera, takes.shown(camera))
    if camera == bpy.context.scene.camera:
        selection.choose_camera(bpy.context.scene)


def _shot_index(state) -> int:
    camera = takes.find_camera(state.id_data)
    return state.id_data.objects.find(camera.name) if camera else -1


def _show_shot(state, index: int) -> None:
    scene = state.id_data
    if 0 <= index < len(scene.objects) and takes.is_camera(scene.objects[index]):
        shots.show(scene, scene.objects[index])


def _clear_error(state, _context) -> None:
    """What was wrong may be right by now."""
    if state.error or state.hint:
        state.error = state.hint = ""


class DOLLYGRIP_PG_take(bpy.types.PropertyGroup):
    """An entry of a shot's list of takes; the take itself is its Action."""

    action: PointerProperty(type=bpy.types.Action)
    star: BoolProperty(name="Star", description="Mark this take as a good one")


class DOLLYGRIP_PG_shot(bpy.types.PropertyGroup):
    """What makes a camera object a shot: its takes. It comes along when the object is appended to another file."""

    takes: CollectionProperty(type=DOLLYGRIP_PG_take)
    take_index: IntProperty(name="Take", update=_switch_take)
    selected: BoolProperty(name="Render", description="Render Selected renders this shot")


class DOLLYGRIP_PG_scene(bpy.types.PropertyGroup):
    """What to predict and render.

    Numbers have soft limits only: what is out of bounds is refused with a reason instead of being changed silently.
    """

    prompt: StringProperty(
        name="Prompt",
        description="What the camera does and what is seen, in your own words",
        options={"TEXTEDIT_UPDATE"},
        update=_clear_error,
    )
    reference: StringProperty(
        name="Reference",
        description="The picture that the shot starts from",
        subtype="FILE_PATH",
        options=compat.RELATIVE_PATH,
        update=_clear_error,
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
        update=_clear_error,
    )
    exact_depth: BoolProperty(
        name="Depth from Scene",
        description="The reference shows this scene from the start camera: take its depth from the geometry, exactly, "
        "instead of estimating it from the picture",
    )
    use_director: BoolProperty(
        name="Director",
        description="A vision-language model of the backend looks at the picture and puts the prompt's intent into "
        "camera moves first",
    )
    scene_depth: FloatProperty(
        name="Depth",
        description="Distance of the picture's middle ground, which sets the scale of the move. "
        "0 measures it: in the scene where the camera sees geometry, else in the picture",
        subtype="DISTANCE",
        unit="LENGTH",
        soft_min=0.0,
    )
    subject_kind: EnumProperty(
        name="Subject",
        description="What the camera goes around or toward",
        items=[
            ("AUTO", "Automatic", "What the prompt names, where it is found in the picture"),
            ("POINT", "Point", "A point of the picture"),
            ("OBJECT", "Object", "An object of the scene, at its true distance"),
        ],
    )
    subject_point: FloatVectorProperty(
        name="Point", description="Fractions of the picture from its upper left corner", size=2, default=(0.5, 0.5)
    )
    subject_object: PointerProperty(
        name="Object", description="The subject, which the start camera sees", type=bpy.types.Object
    )
    use_scene_depth: BoolProperty(
        name="Use Scene Depth",
        description="The reference is a view of this scene: keep the scene's own geometry in every frame",
        default=True,
    )
    engine: StringProperty(name="Engine", description="The video engine; auto takes the best available", default="auto")
    width: IntProperty(
        name="Width",
        description="Width of the video in pixels; 0 takes what suits engine and scene",
        soft_min=0,
    )
    height: IntProperty(name="Height", description="Height of the video in pixels; 0 follows the width", soft_min=0)
    shot_index: IntProperty(name="Shot", get=_shot_index, set=_show_shot)
    captured: StringProperty(name="Captured", description="The reference that is a camera's view, and its pose")
    job: StringProperty(name="Job", description="What it takes to go on with a running job when the file is opened")
    waiting: StringProperty(name="Waiting", description="Shots that were queued for rendering when the file was saved")
    error: StringProperty(name="Error", options={"SKIP_SAVE"})
    hint: StringProperty(name="Way Out", options={"SKIP_SAVE"})
    notice: StringProperty(name="Notice", options={"SKIP_SAVE"})

    @property
    def take_list(self):
        """The entries of the takes of the shot that is shown; empty where there is no shot."""
        camera = takes.find_camera(self.id_data)
        return camera.dollygrip_shot.takes if camera else ()

    @property
    def take_index(self) -> int:
        """Which take of that shot is shown; setting it shows another."""
        camera = takes.find_camera(self.id_data)
        return camera.dollygrip_shot.take_index if camera else -1

    @take_index.setter
    def take_index(self, index: int) -> None:
        if camera := takes.find_camera(self.id_data):
            camera.dollygrip_shot.take_index = index


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (DOLLYGRIP_PG_take, DOLLYGRIP_PG_shot, DOLLYGRIP_PG_scene)
)


def register() -> None:
    _register_classes()
    bpy.types.Object.dollygrip_shot = PointerProperty(type=DOLLYGRIP_PG_shot)
    bpy.types.Scene.dollygrip = PointerProperty(type=DOLLYGRIP_PG_scene)


def unregister() -> None:
    del bpy.types.Scene.dollygrip, bpy.types.Object.dollygrip_shot
    _unregister_classes()
