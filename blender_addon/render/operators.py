"""Operators that render shots, and lead from their strips back to the takes."""

import bpy
from bpy.props import EnumProperty

from dollygrip import formats, shot_record
from dollygrip.errors import DollygripError, InputError

from .. import compat, linked
from ..backend.job import Job
from ..camera import camera
from ..rigs import rigs
from ..shots import colours, shots, strips
from ..takes import takes
from .render import RenderShot
from .scene_depth import SceneCopy


class DOLLYGRIP_OT_render_shot(Job, bpy.types.Operator):
    """Render what the scene's camera sees, starting from the reference picture, into a strip of the sequencer"""

    bl_idname = "dollygrip.render_shot"
    bl_label = "Render Shot"
    task = RenderShot

    @classmethod
    def poll(cls, context):
        return super().poll(context) and rigs.has_camera(cls, context)


class DOLLYGRIP_OT_render_shots(Job, bpy.types.Operator):
    """Render several shots one after the other, each on every frame range that its markers give it"""

    bl_idname = "dollygrip.render_shots"
    bl_label = "Render Shots"
    task = RenderShot
    of_shown = False

    which: EnumProperty(items=[("SELECTED", "Selected", "Shots with a tick in the list"), ("ALL", "All", "All shots")])

    @classmethod
    def poll(cls, context):
        return super().poll(context) and shots.has_any(cls, context)

    def tasks(self, context):
        scene = context.scene
        wanted = [shot for shot in shots.of_scene(scene) if self.which == "ALL" or shot.dollygrip_shot.selected]
        if not wanted:
            raise InputError("No shot is selected.", "Tick shots in the list, or render all.")
        spans = [(shot, span) for shot in wanted for span in shots.spans(scene, shot) or [None]]
        copy = SceneCopy()
        return [_task(context, shot, span, copy) for shot, span in spans]


def _task(
    context: bpy.types.Context, shot: bpy.types.Object, span: tuple[int, int] | None, copy: SceneCopy
) -> RenderShot:
    """As RenderShot.of; what is wrong is said with the shot's name, for it is one of several."""
    try:
        return RenderShot.of(context, shot, span, copy)
    except InputError as error:
        raise InputError(f"Rendering {shot.name}: {error.message}", error.hint) from error


class OnStrip:
    """An operator on the active strip."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return strips.is_active(cls, context) and linked.is_own(cls, context)


class DOLLYGRIP_OT_open_take(OnStrip, bpy.types.Operator):
    """Show the take that the active strip was rendered from; where it was deleted, the camera that was rendered"""

    bl_idname = "dollygrip.open_take"
    bl_label = "Open Its Take"

    def execute(self, context):
        scene, made_from = context.scene, _shot_of_active(context)
        take = takes.with_id(made_from["take_id"]) if made_from["take_id"] else None
        try:
            if take is None:
                take = _load_rendered(context, made_from)
                self.report({"INFO"}, f"{made_from['take']} is gone; the camera that was rendered is a take now.")
            _show(scene, take, made_from["shot"])
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class DOLLYGRIP_OT_show_true_colours(OnStrip, bpy.types.Operator):
    """Show the rendered strips' own colours: by their colour space, or a neutral view where none undoes the scene's"""

    bl_idname = "dollygrip.show_true_colours"
    bl_label = "Show True Colours"

    def execute(self, context):
        scene = compat.sequencer_scene(context)
        if said := colours.show(scene, *strips.rendered(scene)):
            self.report({"INFO"}, said)
        scene.dollygrip.notice = scene.dollygrip.notice.replace(colours.CHANGED, "").strip()
        return {"FINISHED"}


def _shot_of_active(context: bpy.types.Context) -> dict | None:
    strip = strips.active(context)
    return strips.shot_of(strip) if strip else None


def _load_rendered(context: bpy.types.Context, made_from: dict) -> bpy.types.Action:
    """The camera that a strip was rendered with, from the file beside its frames, as a take on the strip's frames.

    It becomes a take of the strip's shot, under whatever that is parented to now. Where constraints of the animator's
    move that camera, which the rendered one has in it already, it gets a shot of its own.
    """
    scene = context.scene
    found = formats.read(f"{made_from['folder']}/{shot_record.CAMERA}")
    named = scene.objects.get(made_from["shot"])
    shot = named if takes.is_camera(named) else takes.find_camera(scene)
    if shot and rigs.own_constraints(shot):
        shot = takes.new_camera(scene)
    fitted = camera.fit(found, camera.Placement.of(scene, shot and shot.data, None, made_from["frame_start"]))
    provenance = {key: made_from[key] for key in ("prompt", "reference", "reference_sha256")}
    return takes.add(scene, fitted, made_from["take"], provenance, camera=shot)


def _show(scene: bpy.types.Scene, take: bpy.types.Action, preferred: str) -> None:
    """Show a take in the shot that lists it, of several in the one called `preferred`; list it where none does."""
    listing = [shot for shot in shots.of_scene(scene) if takes.place_of(shot, take) >= 0]
    shot = next((shot for shot in listing if shot.name == preferred), listing[0] if listing else None)
    if shot is None:
        shot = takes.ensure_camera(scene)
        takes.enlist(shot, take)
    shot.dollygrip_shot.take_index = takes.place_of(shot, take)
    shots.show(scene, shot)


register, unregister = bpy.utils.register_classes_factory(
    (
        DOLLYGRIP_OT_render_shot,
        DOLLYGRIP_OT_render_shots,
        DOLLYGRIP_OT_open_take,
        DOLLYGRIP_OT_show_true_colours,
    )
)
