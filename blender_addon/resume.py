"""Jobs that outlive Blender: a saved file knows the job that ran when it was saved, and attaches to it again.

On load that happens by itself where the backend runs; else Resume in the panel starts it. In background mode nothing
runs by itself: a script calls `bpy.ops.dollygrip.resume_job()`.
"""

import json

import bpy

from dollygrip.errors import DollygripError, InputError

from .drawn import AlongPath
from .predict import PredictCamera
from .redirect import Redirect
from .render import RenderShot
from .session import Outcome, Task, session
from .set_proxy import BuildSetProxy

_TASKS = {  # by what only their records have; the first that fits
    "closely": AlongPath,
    "placement": PredictCamera,
    "folder": RenderShot,
    "set_of": BuildSetProxy,
    "redirect": Redirect,
}


def is_pending(scene: bpy.types.Scene) -> bool:
    """Whether the scene knows of a job that has not come to its end here."""
    return bool(scene.dollygrip.job) and not session.active and _record(scene).get("job") not in session.ended


def kind_of(scene: bpy.types.Scene) -> str:
    """Class name of the pending job's task: the panel that shows it."""
    return next((kind.__name__ for mark, kind in _TASKS.items() if mark in _record(scene)), RenderShot.__name__)


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
    if not bpy.app.background:
        resume_quietly()


def resume_quietly(outcome: Outcome | None = None) -> None:
    """Go on with the first pending job of the file if the backend runs; whatever is in the way waits for Resume.

    outcome: how the task before ended, which tells whether the backend is there.
    """
    if session.active or (outcome and outcome.state != "done"):
        return
    for scene in bpy.data.scenes:
        if is_pending(scene):
            try:
                task = task_of(scene)
            except DollygripError:
                continue
            session.last = type(task).__name__
            session.start_on_timer(task, None)
            return


@bpy.app.handlers.persistent
def note_saved(_path: str) -> None:
    session.file_saved()


def register() -> None:
    session.on_idle = resume_quietly
    bpy.app.handlers.load_post.append(resume_on_load)
    bpy.app.handlers.save_post.append(note_saved)


def unregister() -> None:
    bpy.app.handlers.save_post.remove(note_saved)
    bpy.app.handlers.load_post.remove(resume_on_load)
