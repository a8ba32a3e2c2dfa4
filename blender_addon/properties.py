"""The state of `scene.dollygrip`: what the panels show and what scripts set."""

import bpy
from bpy.props import BoolProperty, CollectionProperty, IntProperty, PointerProperty, StringProperty

from . import linked
from .brief import DOLLYGRIP_PG_brief, DOLLYGRIP_PG_direct, clear_error
from .rigs import rigs
from .shots import shots
from .takes import copies, selection, takes

_SAID = ("error", "hint", "notice", "about")  # of a job of this session, to be said until the next one


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
    return takes.cameras_of(state.id_data).get(takes.find_camera(state.id_data), -1)


def _show_shot(state, index: int) -> None:
    scene = state.id_data
    if 0 <= index < len(scene.objects) and takes.is_camera(scene.objects[index]):
        shots.show(scene, scene.objects[index])


class DOLLYGRIP_PG_take(bpy.types.PropertyGroup):
    """An entry of a shot's list of takes; the take itself is its Action."""

    action: PointerProperty(type=bpy.types.Action)
    star: BoolProperty(name="Star", description="Mark this take as a good one")


class DOLLYGRIP_PG_shot(bpy.types.PropertyGroup):
    """What makes a camera object a shot: its takes, and what is asked of it.

    They come along when the object is appended to another file.
    """

    brief: PointerProperty(type=DOLLYGRIP_PG_brief)
    takes: CollectionProperty(type=DOLLYGRIP_PG_take)
    take_index: IntProperty(name="Take", update=_switch_take)
    selected: BoolProperty(name="Render", description="Render Selected renders this shot")


class DOLLYGRIP_PG_scene(bpy.types.PropertyGroup):
    """How to render, the state of jobs, and what is asked of the shot that is shown: `brief`.

    Numbers have soft limits only: what is out of bounds is refused with a reason instead of being changed silently.
    """

    __slots__ = ()  # a script that sets what there is not is told so

    draft: PointerProperty(type=DOLLYGRIP_PG_brief, description="What the first shot will be asked for")
    use_scene_depth: BoolProperty(
        name="Keep Geometry",
        description="For rendering. The reference is a view of this scene, so every frame keeps the scene's own "
        "geometry, instead of what the picture alone lets guess",
        default=True,
    )
    engine: StringProperty(
        name="Engine", description="The video engine; auto takes the best available", default="auto", update=clear_error
    )
    width: IntProperty(
        name="Width",
        description="Width of the video in pixels; 0 takes what suits engine and scene",
        soft_min=0,
        update=clear_error,
    )
    height: IntProperty(
        name="Height",
        description="Height of the video in pixels; 0 follows the width",
        soft_min=0,
        update=clear_error,
    )
    shot_index: IntProperty(name="Shot", get=_shot_index, set=_show_shot)
    job: StringProperty(name="Job", description="What it takes to go on with a running job when the file is opened")
    waiting: StringProperty(name="Waiting", description="Shots that were queued for rendering when the file was saved")
    error: StringProperty(name="Error", options={"SKIP_SAVE"})
    hint: StringProperty(name="Way Out", options={"SKIP_SAVE"})
    notice: StringProperty(name="Notice", options={"SKIP_SAVE"})
    about: IntProperty(
        name="About",
        description="session_uid of the shot that these are about; 0: of none alone",
        options={"SKIP_SAVE"},
    )

    @property
    def brief(self) -> DOLLYGRIP_PG_brief:
        """What is asked of the shot that is shown; where the scene has none yet, of its first."""
        return takes.brief_of(self.id_data)

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


@bpy.app.handlers.persistent
def forget_said(_path: str) -> None:
    """Files keep what was said when they were saved, SKIP_SAVE or not."""
    for scene in linked.own_scenes():
        for name in _SAID:
            scene.dollygrip.property_unset(name)


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (DOLLYGRIP_PG_direct, DOLLYGRIP_PG_brief, DOLLYGRIP_PG_take, DOLLYGRIP_PG_shot, DOLLYGRIP_PG_scene)
)


def register() -> None:
    _register_classes()
    bpy.types.Object.dollygrip_shot = PointerProperty(type=DOLLYGRIP_PG_shot)
    bpy.types.Scene.dollygrip = PointerProperty(type=DOLLYGRIP_PG_scene)
    bpy.app.handlers.load_post.append(forget_said)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(forget_said)
    del bpy.types.Scene.dollygrip, bpy.types.Object.dollygrip_shot
    _unregister_classes()
