"""The operators. From a script they wait and raise with the reason; from the interface the job runs on."""

import attrs
import bpy
from bpy.props import StringProperty

from dollygrip import formats
from dollygrip.errors import DollygripError

from . import camera, takes
from .predict import PredictCamera
from .preferences import backend_executable
from .render import RenderShot
from .session import StartBackend, redraw, session


class _Job:
    """A job as an operator. `task`, which each operator defines, is the task's class: its `of` reads the scene."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, _context):
        if session.active:
            cls.poll_message_set(f"{session.task.title} is still running: wait for it or cancel it")
        return not session.active

    def execute(self, context):
        return self._begin(context, wait=True)

    def invoke(self, context, _event):
        return self._begin(context, wait=False)

    def _begin(self, context: bpy.types.Context, wait: bool) -> set[str]:
        state = context.scene.dollygrip
        state.error = state.hint = state.notice = ""
        session.last = self.task.__name__
        try:
            task = self.task.of(context)
            if not wait:
                session.start_on_timer(task, backend_executable())
                return {"FINISHED"}
            outcome = session.run(task, backend_executable())
        except DollygripError as error:
            state.error, state.hint = error.message, error.hint
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if outcome.error:
            self.report({"ERROR"}, str(outcome.error))
        elif state.notice:
            self.report({"INFO"}, state.notice)
        return {"FINISHED"} if outcome.state == "done" else {"CANCELLED"}


class DOLLYGRIP_OT_start_backend(_Job, bpy.types.Operator):
    """Connect to the Dollygrip backend; starts one on this computer if none runs"""

    bl_idname = "dollygrip.start_backend"
    bl_label = "Start Backend"
    bl_options = {"REGISTER"}
    task = StartBackend


class DOLLYGRIP_OT_predict_camera(_Job, bpy.types.Operator):
    """Predict a camera move from the prompt and the reference picture"""

    bl_idname = "dollygrip.predict_camera"
    bl_label = "Predict Camera"
    task = PredictCamera


class DOLLYGRIP_OT_render_shot(_Job, bpy.types.Operator):
    """Render what the scene's camera sees, starting from the reference picture, into a strip of the sequencer"""

    bl_idname = "dollygrip.render_shot"
    bl_label = "Render Shot"
    task = RenderShot


class DOLLYGRIP_OT_cancel_job(bpy.types.Operator):
    """Cancel the running job; frames that have arrived stay"""

    bl_idname = "dollygrip.cancel_job"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, _context):
        if not session.active:
            cls.poll_message_set("No job is running")
        return session.active

    def execute(self, _context):
        session.cancel()
        redraw()
        return {"FINISHED"}


class DOLLYGRIP_OT_fit_range(bpy.types.Operator):
    """Set the scene's frame range to that of the take"""

    bl_idname = "dollygrip.fit_range"
    bl_label = "Use Take's Range"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if not takes.shown(context.scene.camera):
            cls.poll_message_set("The scene's camera shows no take")
            return False
        return True

    def execute(self, context):
        scene = context.scene
        scene.frame_start, scene.frame_end = takes.frame_range(takes.shown(scene.camera))
        return {"FINISHED"}


class _File:
    filepath: StringProperty(name="File", subtype="FILE_PATH")
    filter_glob: StringProperty(default="*.camera.json;*.txt", options={"HIDDEN"})


class DOLLYGRIP_OT_load_take(_File, bpy.types.Operator):
    """Load a camera file as a take, where it stands in the file's own world"""

    bl_idname = "dollygrip.load_take"
    bl_label = "Load Camera File"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context, _event):
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        scene = context.scene
        path = bpy.path.abspath(self.filepath)
        try:
            read = formats.read(path)
            rig = takes.find_camera(scene)
            fitted = camera.fit(read, camera.Placement.of(scene, rig and rig.data, None))
        except DollygripError as error:
            scene.dollygrip.error, scene.dollygrip.hint = error.message, error.hint
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        meta = read.meta
        provenance = {k: meta.get(k) for k in ("prompt", "seed", "model", "parent_take")}
        name = takes.name_of(meta.get("prompt") or bpy.path.display_name_from_filepath(path))
        first, last = takes.frame_range(takes.add(scene, fitted, name, {**provenance, "file": path}))
        said = f"The take runs from frame {first} to {last}"
        if len(fitted.trajectory) != len(read):
            said += f" ({len(read)} frames at {read.fps:g} fps became {len(fitted.trajectory)} at the scene's)"
        if abs(read.size[0] / read.size[1] / camera.aspect(scene) - 1) > 0.01:
            said += f"; its view of {read.size[0]}x{read.size[1]} was cropped to the scene's aspect"
        if (first, last) != (scene.frame_start, scene.frame_end):
            said += f"; the scene's range is {scene.frame_start} to {scene.frame_end}. Use Take's Range sets it"
        scene.dollygrip.notice = f"{said}."
        self.report({"INFO"}, scene.dollygrip.notice)
        return {"FINISHED"}


class DOLLYGRIP_OT_save_take(_File, bpy.types.Operator):
    """Save the camera as Blender evaluates it, edits and all, to a camera file"""

    bl_idname = "dollygrip.save_take"
    bl_label = "Save Camera File"

    def invoke(self, context, _event):
        self.filepath = self.filepath or "take.camera.json"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        scene = context.scene
        take = takes.shown(scene.camera)
        first, last = takes.frame_range(take) if take else (scene.frame_start, scene.frame_end)
        stored = takes.provenance(take) if take else {}
        meta = dict(stored.get("meta", {}))
        try:
            sampled = camera.sample(context, first, last, scene_depth=stored.get("scene_depth", camera.ASSUMED_DEPTH))
            if pose := camera.reference_pose(meta):
                meta["reference"] = camera.reference_seen(pose, tuple(stored["size"]), sampled, None)
            formats.write(bpy.path.abspath(self.filepath), attrs.evolve(sampled, meta=meta))
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{len(sampled)} frames were saved to {self.filepath}.")
        return {"FINISHED"}


_classes = (
    DOLLYGRIP_OT_start_backend,
    DOLLYGRIP_OT_predict_camera,
    DOLLYGRIP_OT_render_shot,
    DOLLYGRIP_OT_cancel_job,
    DOLLYGRIP_OT_fit_range,
    DOLLYGRIP_OT_load_take,
    DOLLYGRIP_OT_save_take,
)


def register() -> None:
    for cls in _classes:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_classes):
        bpy.utils.unregister_class(cls)
