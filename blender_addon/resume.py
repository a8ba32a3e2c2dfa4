"""Jobs that outlive Blender: a saved file knows the job that ran when it was saved, and attaches to it again.

On load that happens by itself where the backend runs; else Resume in the panel starts it. In background mode nothing
runs by itself: a script calls `bpy.ops.dollygrip.resume_job()`. The scene also knows the shots that are still waiting
to be rendered; Resume renders them as the opened file shows them.

The scene knows both at all times, for Blender's own auto-save and quit.blend tell nobody. Undo leads back to what it
knew at an earlier time, and names change: so `note` writes it anew whenever it may be untrue, and before saving.
"""

import json

import bpy

from dollygrip.errors import DollygripError, InputError

from . import linked
from .backend.job import Job
from .backend.session import Outcome, Task, session
from .direct.drawn import AlongPath
from .direct.predict import PredictCamera
from .direct.redirect import Redirect
from .references.set_proxy import BuildSetProxy
from .render.measure import MeasureCamera
from .render.render import RenderShot
from .render.scene_depth import SceneCopy

_queued_here: set[tuple[int, str, int, int]] = set()  # scene, camera, first and last frame of shots that wait or waited
_TASKS = {  # by what only their records have; the first that fits
    "closely": AlongPath,
    "placement": PredictCamera,
    "folder": RenderShot,
    "set_of": BuildSetProxy,
    "redirect": Redirect,
    "measured": MeasureCamera,
}


def has_job(scene: bpy.types.Scene) -> bool:
    """Whether the scene knows of a job that has not come to its end here."""
    return bool(scene.dollygrip.job) and not session.active and _record(scene).get("job") not in session.ended


def is_pending(scene: bpy.types.Scene) -> bool:
    """Whether there is something to go on with: a job, or shots that wait."""
    return has_job(scene) or (bool(scene.dollygrip.waiting) and not session.active)


def pending(scene: bpy.types.Scene) -> str:
    """Class name of the task to go on with, whose panel shows it; "" where there is nothing."""
    if not is_pending(scene):
        return ""
    record = _record(scene) if has_job(scene) else {}
    return next((kind.__name__ for mark, kind in _TASKS.items() if mark in record), RenderShot.__name__)


def tasks_of(context: bpy.types.Context) -> list[Task]:
    """What the scene has to go on with, in order; raises DollygripError where a part of it is impossible."""
    job = [task_of(context.scene)] if has_job(context.scene) else []
    copy = SceneCopy()
    return job + [_queued(context, copy, *row) for row in _waiting(context.scene)]


def _queued(context: bpy.types.Context, copy: SceneCopy, name: str, first: int, last: int) -> RenderShot:
    shot = context.scene.objects.get(name)
    if shot is None:
        raise InputError(f"The camera {name}, which waits to be rendered, is gone.", "Undo, or forget it.")
    return RenderShot.of(context, shot, (first, last), copy)


def _waiting(scene: bpy.types.Scene) -> list[tuple[str, int, int]]:
    """Camera, first and last frame of every shot that waits; raises InputError for what is no such list."""
    try:
        rows = json.loads(scene.dollygrip.waiting or "[]")
        return [(str(name), int(first), int(last)) for name, first, last in rows]
    except (TypeError, ValueError) as error:
        raise InputError(f"The shots that wait in {scene.name} cannot be read: {error}.", "Forget them.") from error


def task_of(scene: bpy.types.Scene) -> Task:
    """The task that goes on with the scene's job; raises DollygripError where the record or its folder is unusable."""
    try:
        record = _record(scene)
        kind = next(kind for mark, kind in _TASKS.items() if mark in record)
        return kind.resumed(scene, record)
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise InputError(
            f"The job that the scene {scene.name} knows of cannot be read: {error!r}.", "Forget it and start it again."
        ) from error


def _record(scene: bpy.types.Scene) -> dict:
    """The stored record; empty for one that is not JSON, which may come from anywhere."""
    try:
        record = json.loads(scene.dollygrip.job)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


@bpy.app.handlers.persistent
def resume_on_load(_path: str) -> None:
    _queued_here.clear()
    if not bpy.app.background:
        resume_quietly()


def resume_quietly(outcome: Outcome | None = None) -> None:
    """Go on with the first pending job of the file if the backend runs; whatever is in the way waits for Resume.

    outcome: how the task before ended, which tells whether the backend is there.
    """
    if session.active or (outcome and outcome.state != "done"):
        return
    for scene in linked.own_scenes():
        if has_job(scene):
            try:
                task = task_of(scene)
            except DollygripError:
                continue
            session.last, session.panel = type(task).__name__, ""
            session.start_on_timer(task, None)
            return


@bpy.app.handlers.persistent
def note(*_of_handler) -> None:
    """Let every scene know the job that runs for it, and the shots that no job stands for yet."""
    for scene in linked.own_scenes():
        state = scene.dollygrip
        for name, noted in (("job", _job_now(scene)), ("waiting", _waiting_now(scene))):
            if getattr(state, name) != noted:
                setattr(state, name, noted)


def _job_now(scene: bpy.types.Scene) -> str:
    """The record of the scene's running job, else what it knows, but of no job that ended here or is another's."""
    running = session.task if session.task and session.task.job_id else None
    if running and scene == session.scene:
        return json.dumps(running.record())
    job = _record(scene).get("job")
    return "" if job in session.ended or (running and job == running.job_id) else scene.dollygrip.job


def _waiting_now(scene: bpy.types.Scene) -> str:
    """The shots that wait in this session, and those of the scene that it does not know."""
    queued = [task.queued for task in session.unsubmitted if isinstance(task, RenderShot)]
    here = queued if scene == session.scene else []
    _queued_here.update((scene.session_uid, *row) for row in here)
    try:
        rows = [row for row in _waiting(scene) if (scene.session_uid, *row) not in _queued_here] + here
    except InputError:  # Resume says so
        return scene.dollygrip.waiting
    return json.dumps(rows) if rows else ""


@bpy.app.handlers.persistent
def note_saved(_path: str) -> None:
    session.file_saved()


_handlers = (
    ("load_post", resume_on_load),
    ("undo_post", note),
    ("redo_post", note),
    ("save_post", note_saved),
)


class DOLLYGRIP_OT_resume_job(Job, bpy.types.Operator):
    """Go on with what was under way when the file was saved: the job, then the shots that waited to be rendered"""

    bl_idname = "dollygrip.resume_job"
    bl_label = "Resume"
    task = RenderShot
    of_shown = False

    @classmethod
    def poll(cls, context):
        if not session.active and not is_pending(context.scene):
            cls.poll_message_set("Nothing was under way")
            return False
        return super().poll(context)

    def tasks(self, context):
        tasks = tasks_of(context)
        session.last = type(tasks[0]).__name__  # its panel shows how it ends
        return tasks


class DOLLYGRIP_OT_forget_job(bpy.types.Operator):
    """Do not go on with what was under way when the file was saved"""

    bl_idname = "dollygrip.forget_job"
    bl_label = "Forget"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        context.scene.dollygrip.job = context.scene.dollygrip.waiting = ""
        return {"FINISHED"}


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (DOLLYGRIP_OT_resume_job, DOLLYGRIP_OT_forget_job)
)


def register() -> None:
    _register_classes()
    session.on_idle, session.pending, session.on_queue = resume_quietly, pending, note
    for event, handler in _handlers:
        getattr(bpy.app.handlers, event).append(handler)


def unregister() -> None:
    for event, handler in _handlers:
        getattr(bpy.app.handlers, event).remove(handler)
    _unregister_classes()
