"""Operators on takes, shots and their strips. Each is one step of undo."""

import bpy
from bpy.props import EnumProperty, IntProperty

from dollygrip import formats, shot_record
from dollygrip.conventions import blender_from_c2w
from dollygrip.errors import DollygripError, InputError

from . import camera, resume, rigs, shots, strips, takes
from .operators import Job
from .predict import PredictCamera
from .render import RenderShot
from .session import session


class _Shot:
    """An operator on the shot that is shown. `act` may raise DollygripError; what it returns is said to the user."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if takes.find_camera(context.scene) is None:
            cls.poll_message_set("The scene has no shot yet: predict or load a camera, or press New Shot")
            return False
        return True

    def execute(self, context):
        try:
            said = self.act(context, takes.find_camera(context.scene))
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if said:
            self.report({"INFO"}, said)
        return {"FINISHED"}


class _Take(_Shot):
    """An operator on a take of that shot."""

    index: IntProperty(name="Take", default=-1, description="Place in the list; -1: the take that is shown")

    def at(self, shot: bpy.types.Object) -> tuple[int, bpy.types.Action | None]:
        """Place in the list and Action; raises InputError where there is none. The Action may have been deleted."""
        state = shot.dollygrip_shot
        index = state.take_index if self.index < 0 else self.index
        if not 0 <= index < len(state.takes):
            said = f"{shot.name} has no take {index + 1}." if state.takes else f"{shot.name} has no takes."
            raise InputError(said, "Choose a take in the list.")
        return index, state.takes[index].action

    def action(self, shot: bpy.types.Object) -> bpy.types.Action:
        """As `at`, for a take whose Action is there."""
        _, action = self.at(shot)
        if not takes.is_take(action):
            raise InputError("The Action of this take was deleted.", "Take it off the list, or undo.")
        return action


class DOLLYGRIP_OT_duplicate_take(_Take, bpy.types.Operator):
    """Copy the take, to edit the copy"""

    bl_idname = "dollygrip.duplicate_take"
    bl_label = "Duplicate Take"

    def act(self, _context, shot):
        takes.enlist(shot, takes.duplicate(self.action(shot)))


class DOLLYGRIP_OT_delete_take(_Take, bpy.types.Operator):
    """Delete the take; its Action stays where something else uses it. Rendered strips stay, with their cameras"""

    bl_idname = "dollygrip.delete_take"
    bl_label = "Delete Take"

    def act(self, _context, shot):
        takes.remove(shot, self.at(shot)[0])


class DOLLYGRIP_OT_list_takes(_Shot, bpy.types.Operator):
    """Give this shot the takes that no shot lists: appended without a camera, or left by a deleted one"""

    bl_idname = "dollygrip.list_takes"
    bl_label = "List Them Here"

    def act(self, _context, shot):
        found = takes.unlisted()
        for action in found:
            takes.enlist(shot, action)
        return f"{len(found)} takes were listed."


class DOLLYGRIP_OT_slide_take(_Take, bpy.types.Operator):
    """Move the take in time so that it begins where the timeline cuts to its shot"""

    bl_idname = "dollygrip.slide_take"
    bl_label = "Move to the Cut"

    def act(self, context, shot):
        shots.slide(self.action(shot), shots.first_frame(context.scene, shot))


class DOLLYGRIP_OT_new_shot(bpy.types.Operator):
    """Add a shot: a camera with a list of takes of its own. The next prediction goes there"""

    bl_idname = "dollygrip.new_shot"
    bl_label = "New Shot"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        scene = context.scene
        scene.camera = takes.new_camera(scene)
        return {"FINISHED"}


class DOLLYGRIP_OT_bind_shot(_Shot, bpy.types.Operator):
    """Cut to this shot at the playhead, by a camera marker; the shot's frames follow its markers"""

    bl_idname = "dollygrip.bind_shot"
    bl_label = "Cut Here"

    def act(self, context, shot):
        shots.bind(context.scene, shot, context.scene.frame_current)


class DOLLYGRIP_OT_unbind_shot(_Shot, bpy.types.Operator):
    """Free the shot from its camera markers"""

    bl_idname = "dollygrip.unbind_shot"
    bl_label = "Remove Cuts"

    def act(self, context, shot):
        shots.unbind(context.scene, shot)


class DOLLYGRIP_OT_more_like_this(Job, _Take, bpy.types.Operator):
    """Predict more takes of the same prompt and reference, from the same place, by other seeds"""

    bl_idname = "dollygrip.more_like_this"
    bl_label = "More like This"
    task = PredictCamera

    count: IntProperty(name="Takes", default=2, soft_min=1, soft_max=8)

    @classmethod
    def poll(cls, context):
        return super().poll(context) and super(Job, cls).poll(context)

    def tasks(self, context):
        shot = takes.find_camera(context.scene)
        return [PredictCamera.like(context, shot, self.action(shot), self.count)]


class DOLLYGRIP_OT_render_shots(Job, bpy.types.Operator):
    """Render several shots one after the other, each on every frame range that its markers give it"""

    bl_idname = "dollygrip.render_shots"
    bl_label = "Render Shots"
    task = RenderShot

    which: EnumProperty(items=[("SELECTED", "Selected", "Shots with a tick in the list"), ("ALL", "All", "All shots")])

    def tasks(self, context):
        scene = context.scene
        wanted = [shot for shot in shots.of_scene(scene) if self.which == "ALL" or shot.dollygrip_shot.selected]
        if not wanted:
            raise InputError("No shot is selected.", "Tick shots in the list, or render all.")
        spans = [(shot, span) for shot in wanted for span in shots.spans(scene, shot) or [None]]
        return [RenderShot.of(context, shot, span) for shot, span in spans]


class DOLLYGRIP_OT_resume_job(Job, bpy.types.Operator):
    """Go on with what was under way when the file was saved: the job, then the shots that waited to be rendered"""

    bl_idname = "dollygrip.resume_job"
    bl_label = "Resume"
    task = RenderShot

    @classmethod
    def poll(cls, context):
        if not session.active and not resume.is_pending(context.scene):
            cls.poll_message_set("Nothing was under way")
            return False
        return super().poll(context)

    def tasks(self, context):
        tasks = resume.tasks_of(context)
        session.last = type(tasks[0]).__name__  # its panel shows how it ends
        context.scene.dollygrip.waiting = ""
        return tasks


class DOLLYGRIP_OT_forget_job(bpy.types.Operator):
    """Do not go on with what was under way when the file was saved"""

    bl_idname = "dollygrip.forget_job"
    bl_label = "Forget"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        context.scene.dollygrip.job = context.scene.dollygrip.waiting = ""
        return {"FINISHED"}


class DOLLYGRIP_OT_open_take(bpy.types.Operator):
    """Show the take that the active strip was rendered from; where it was deleted, the camera that was rendered"""

    bl_idname = "dollygrip.open_take"
    bl_label = "Open Its Take"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if _shot_of_active(context.scene) is None:
            cls.poll_message_set("Choose a strip that Dollygrip rendered")
            return False
        return True

    def execute(self, context):
        scene, made_from = context.scene, _shot_of_active(context.scene)
        take = takes.with_id(made_from["take_id"]) if made_from["take_id"] else None
        try:
            if take is None:
                take = _load_rendered(context, made_from)
                self.report({"INFO"}, f"{made_from['take']} is gone; the camera that was rendered is a take now.")
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        _show(scene, take, made_from["shot"])
        return {"FINISHED"}


def _shot_of_active(scene: bpy.types.Scene) -> dict | None:
    strip = scene.sequence_editor.active_strip if scene.sequence_editor else None
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
    action = takes.add(scene, fitted, takes.name_of(made_from["take"]), provenance, camera=shot)
    if shot and shot.parent:
        world = blender_from_c2w(fitted.trajectory.c2w, scene.unit_settings.scale_length)
        rigs.rewrite(context, shot, world, True, (camera.POSITION_TOLERANCE, camera.ANGLE_TOLERANCE))
    return action


def _show(scene: bpy.types.Scene, take: bpy.types.Action, preferred: str) -> None:
    """Show a take in the shot that lists it, of several in the one called `preferred`; list it where none does."""
    listing = [shot for shot in shots.of_scene(scene) if takes.place_of(shot, take) >= 0]
    shot = next((shot for shot in listing if shot.name == preferred), listing[0] if listing else None)
    if shot is None:
        shot = takes.ensure_camera(scene)
        takes.enlist(shot, take)
    shot.dollygrip_shot.take_index = takes.place_of(shot, take)
    shots.show(scene, shot)


_classes = (
    DOLLYGRIP_OT_duplicate_take,
    DOLLYGRIP_OT_delete_take,
    DOLLYGRIP_OT_list_takes,
    DOLLYGRIP_OT_slide_take,
    DOLLYGRIP_OT_new_shot,
    DOLLYGRIP_OT_bind_shot,
    DOLLYGRIP_OT_unbind_shot,
    DOLLYGRIP_OT_more_like_this,
    DOLLYGRIP_OT_render_shots,
    DOLLYGRIP_OT_resume_job,
    DOLLYGRIP_OT_forget_job,
    DOLLYGRIP_OT_open_take,
)


def register() -> None:
    for cls in _classes:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_classes):
        bpy.utils.unregister_class(cls)
