"""Jobs as operators. From a script they wait and raise with the reason; from the interface the job runs on."""

import bpy

from dollygrip.errors import DollygripError

from .. import linked
from ..takes import takes
from .executable import backend_executable
from .session import StartBackend, Task, redraw, session


class Job:
    """A job as an operator. `task`, which each operator defines, is its tasks' class: its `of` reads the scene.

    of_shown: whether it asks something of the shot that is shown, so that what is wrong is wrong with that.
    To start one is no step of undo: it would hold nothing. What comes back is one (session.push_undo).
    """

    bl_options = {"REGISTER"}
    task: type[Task]
    of_shown = True

    @classmethod
    def poll(cls, context):
        if session.active:
            cls.poll_message_set(session.in_the_way)
        return not session.active and linked.is_own(cls, context)

    def execute(self, context):
        # Repeat Last and Repeat History execute, too: in an interface, which must not wait
        repeated = self.options.is_repeat or self.options.is_repeat_last
        return self._begin(context, wait=not repeated)

    def invoke(self, context, _event):
        return self._begin(context, wait=False)

    def tasks(self, context: bpy.types.Context) -> list[Task]:
        """What to do, one after the other. Raises DollygripError with what is wrong."""
        return [self.task.of(context)]

    def _about(self, scene: bpy.types.Scene) -> int:
        """session_uid of the shot that something is asked of; 0 where that is not the one that is shown, or none is."""
        return takes.Named.of(takes.find_camera(scene)).uid if self.of_shown else 0

    def _asked(self, scene: bpy.types.Scene) -> None:
        """From now on it is this that the panels speak of."""
        state = scene.dollygrip
        state.error = state.hint = state.notice = session.panel = ""
        session.last, state.about = self.task.__name__, self._about(scene)

    def _refuse(self, scene: bpy.types.Scene, error: DollygripError) -> set[str]:
        scene.dollygrip.error, scene.dollygrip.hint = error.message, error.hint
        self.report({"ERROR"}, str(error))
        return {"CANCELLED"}

    def _begin(self, context: bpy.types.Context, wait: bool) -> set[str]:
        state = context.scene.dollygrip
        self._asked(context.scene)
        try:
            first, *following = self.tasks(context)
            if not wait:
                session.start_on_timer(first, backend_executable(), following)
                return {"FINISHED"}
            ended = session.run(first, backend_executable(), following)
        except DollygripError as error:
            return self._refuse(context.scene, error)
        if ended.error:
            self.report({"ERROR"}, str(ended.error))
        elif state.notice:
            self.report({"INFO"}, state.notice)
        return {"FINISHED"} if ended.state == "done" else {"CANCELLED"}


class DOLLYGRIP_OT_start_backend(Job, bpy.types.Operator):
    """Connect to the Dollygrip backend; starts one on this computer if none runs"""

    bl_idname = "dollygrip.start_backend"
    bl_label = "Start Backend"
    task = StartBackend
    of_shown = False


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


register, unregister = bpy.utils.register_classes_factory(
    (
        DOLLYGRIP_OT_start_backend,
        DOLLYGRIP_OT_cancel_job,
    )
)
