"""One job at a time: a client thread owns the socket, the main thread owns bpy, a queue lies between them.

The thread connects, submits, prepares what arrives (PNG files, fitted curves) and queues it. `Session.pump` delivers
it on the main thread within a few milliseconds a tick: on Blender's timer for a job that was started from the
interface, where it waits for the end of drags and renders, and in a loop for an operator that a script called.

What makes data-blocks goes into the scene all at once and becomes a step of undo in the same moment. In between, the
animator's undo would free those that no step knows, but keep what points to them, and Blender would crash. So it waits
for the end of Edit Mode, too, and of others whose steps do not hold them.

Jobs outlive Blender: what it takes to attach to one again is kept in `scene.dollygrip.job` while it runs (resume.note).
"""

import queue
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import bpy

from dollygrip.connection import BackendError
from dollygrip.errors import DollygripError
from dollygrip.protocol import Welcome

from .. import calm
from .worker import Orders, Outcome, Status, Submitted, Task, Tell, Worker

TICK = 0.05  # seconds between ticks of the pump
BUDGET = 0.004  # seconds a tick may work before it leaves the rest to the next
_OUT_OF_REACH = ("lost", "unreachable", "missing")  # kinds of errors after which the job may still go on


@attrs.define
class StartBackend:
    """Connect, starting a backend if none runs; no results come."""

    scene_name: str
    title: str = "Starting the backend"
    job_id: str = ""

    together = False

    @classmethod
    def of(cls, context: bpy.types.Context) -> "StartBackend":
        return cls(context.scene.name)

    def build(self, _welcome: Welcome, _tell: Tell) -> None:
        return None

    def finish(self, scene: bpy.types.Scene, outcome: Outcome) -> None:
        scene.dollygrip.notice = "The backend is ready." if outcome.state == "done" else ""


class Session:
    """State of the connection and of the one running task. Read from the main thread only."""

    def __init__(self) -> None:
        self.task: Task | None = None
        self.last = ""  # class name of the task that was asked for last: its panel shows how it ended
        self.panel = ""  # where a task was asked for that several panels offer; "" for the first of them
        self.status = Status("")
        self.welcome: Welcome | None = None
        self.ended: set[str] = set()  # ids of jobs that came to their end here
        self.on_idle: Callable[[Outcome], None] = lambda _outcome: None  # called when the last of the tasks has ended
        self.pending: Callable[[bpy.types.Scene], str] = lambda _scene: ""  # class name of a task to go on with
        self.on_queue: Callable[[], None] = lambda: None  # lets scenes know what runs and waits
        self._kept = ""  # id of the job that the saved file knows of
        self._orders = Orders()
        self._results: queue.SimpleQueue = queue.SimpleQueue()
        self._next: Any = None  # what has arrived and was not taken yet
        self._held: list[Any] = []  # results that wait for the task's end
        self._thread: threading.Thread | None = None
        self._following: list[Task] = []
        self.asked = self.place = 0  # how many tasks were asked for together; which of them runs, from 1
        self._scene = 0  # session_uid of the scene of the tasks
        self._timer = self._tick  # one object: Blender knows a timer by that alone
        self._outcomes: list[Outcome] = []
        self._executable: str | None = None
        self._drawn: Status | None = None

    @property
    def active(self) -> bool:
        return self.task is not None

    @property
    def in_the_way(self) -> str:
        """Why no other task can begin, "" where one can."""
        return f"{self.task.title} is still running: wait for it or cancel it" if self.task else ""

    @property
    def scene(self) -> bpy.types.Scene | None:
        """The scene of the tasks, whatever it is called by now; None where it is gone."""
        return next((scene for scene in bpy.data.scenes if scene.session_uid == self._scene), None)

    @property
    def unsubmitted(self) -> list[Task]:
        """Tasks that the backend does not know of yet, in their order."""
        return [task for task in (self.task, *self._following) if task and not task.job_id]

    def start(self, task: Task, executable: str | None, following: Sequence[Task] = ()) -> None:
        """Begin a task on the client thread, and those `following` one after the other, also where one fails.

        Results wait for `pump`. executable: of the backend, which is started where none runs; None: do without a
        backend that does not run.
        """
        if self.active:
            raise BackendError(f"{self.task.title} is still running.", "Wait for it or cancel it.", "busy")
        self._following, self._outcomes, self._executable = list(following), [], executable
        scene = bpy.data.scenes[task.scene_name, None]  # no linked one of that name
        self._scene, scene.dollygrip.notice = scene.session_uid, ""
        self.asked, self.place = 1 + len(following), 0
        self._launch(task)
        self.on_queue()

    def _launch(self, task: Task) -> None:
        self.task, self.status, self.place = task, Status("Connecting to the backend"), self.place + 1
        self._orders, self._results, self._held = Orders(), queue.SimpleQueue(), []
        self._next = None
        worker = Worker(task, self._executable, self._results, self._orders, self._show, self.connected)
        self._thread = threading.Thread(target=worker.run, name="dollygrip-client", daemon=True)
        self._thread.start()

    def start_on_timer(self, task: Task, executable: str | None, following: Sequence[Task] = ()) -> None:
        """Begin tasks that go on while the interface is used."""
        self.start(task, executable, following)
        bpy.app.timers.register(self._timer, first_interval=TICK, persistent=True)

    def run(self, task: Task, executable: str, following: Sequence[Task] = ()) -> Outcome:
        """Do tasks while the caller waits, and return how they ended; Ctrl-C cancels them."""
        self.start(task, executable, following)
        outcome = None
        while outcome is None:
            try:
                outcome = self.pump()
                time.sleep(0.002)
            except KeyboardInterrupt:
                self.cancel()
        return outcome

    def cancel(self) -> None:
        """Ask the task to stop; it ends as cancelled, or as done where it was faster."""
        if self.active:
            self._orders.cancel.set()
            self._following = []
            self.status = attrs.evolve(self.status, text="Cancelling")
            self.on_queue()

    def file_saved(self) -> None:
        """The file was saved with the record of the running job."""
        self._kept = self.task.job_id if self.task else ""

    def abandon(self) -> None:
        """Forget the task: its scene is gone, or about to go. What is on disk stays there.

        The job goes on where the saved file knows of it and can attach to it again, else it is cancelled.
        """
        kept = self.task and self.task.job_id and self.task.job_id == self._kept
        (self._orders.leave if kept else self._orders.cancel).set()
        self.task, self.status, self._following = None, Status(""), []
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)

    def close(self) -> None:
        """Abandon the task and wait for the thread: for the extension's end."""
        self.abandon()
        if self._thread:
            self._thread.join(timeout=5.0)

    def pump(self, budget: float = BUDGET, patient: bool = False) -> Outcome | None:
        """Deliver what has arrived, for at most `budget` seconds and one item more.

        patient: leave what would disturb the animator until later. Returns the outcome once the last task has ended:
        the first failure, where there was one.
        """
        deadline = time.perf_counter() + budget
        while self.task is not None and time.perf_counter() < deadline:
            if self._next is None and self._results.empty():
                return None
            if self._next is None:
                self._next = self._results.get()
            if patient and (awaited := self._awaited()):
                waiting = attrs.evolve(self.status, text=f"Waiting for the end of {awaited}")
                self.status = self.status if self.status == waiting else waiting
                return None
            item, self._next = self._next, None
            scene = self.scene
            if scene is None:  # deleted: nowhere to put what comes
                self.cancel()
            if outcome := self._take(scene, item):
                self._finish(scene, outcome)
                if not self.active:
                    return next((ended for ended in self._outcomes if ended.error), outcome)
        return None

    def _awaited(self) -> str:
        """What must end before the next item may be taken; "" where it goes into no scene yet, or may."""
        ends = isinstance(self._next, Outcome)
        if isinstance(self._next, Submitted) or (self.task.together and not ends):
            return ""
        return calm.awaited_by_undo() if self.task.together else calm.awaited()

    def _take(self, scene: bpy.types.Scene | None, item: Any) -> Outcome | None:
        """Put what has arrived into the scene; the outcome where the task ends with it, also where it cannot go in.

        Blender drops a timer that raises: no error may leave the task running without one.
        """
        try:
            if isinstance(item, Outcome):
                for result in self._held if scene is not None else ():
                    self.task.deliver(scene, result)
                return item
            if isinstance(item, Submitted):
                self.task.job_id = item.job_id
                self.on_queue()
            elif self.task.together:
                self._held.append(item)
            elif scene is not None:
                self.task.deliver(scene, item)
        except Exception as error:
            self._orders.cancel.set()
            return _failed(self.task, error)
        return None

    def _finish(self, scene: bpy.types.Scene | None, outcome: Outcome) -> None:
        """Let the task end, note what went wrong first, and begin the next one."""
        task, self.task, self.status = self.task, None, Status("")
        if scene is None:
            gone = DollygripError("Its scene was deleted: it was cancelled.", "Undo the deletion and start it again.")
            outcome = attrs.evolve(outcome, error=outcome.error or gone)
        if error := outcome.error:
            several = self._following or self._outcomes or scene is None
            said = f"{task.title}: {error.message}" if several else error.message
            outcome = attrs.evolve(outcome, error=DollygripError(said, error.hint, error.kind))
        self._outcomes.append(outcome)
        if scene is not None:
            scene.dollygrip.about = 0  # which tasks of one shot change
        self._note_error(scene or bpy.context.scene)
        if task.job_id and (scene is None or not (error and error.kind in _OUT_OF_REACH)):
            self.ended.add(task.job_id)
        self.on_queue()  # before the step of undo that the task ends with
        if scene is not None:
            try:
                task.finish(scene, outcome)
            except Exception as raised:
                self._outcomes.append(_failed(task, raised))
                self._note_error(scene)
        if self._following:
            self._launch(self._following.pop(0))

    def _note_error(self, scene: bpy.types.Scene) -> None:
        first = next((ended.error for ended in self._outcomes if ended.error), None)
        scene.dollygrip.error, scene.dollygrip.hint = (first.message, first.hint) if first else ("", "")

    def _show(self, status: Status) -> None:
        self.status = status

    def connected(self, welcome: Welcome) -> None:
        """The backend has told what it offers; on any thread."""
        self.welcome = welcome

    def _tick(self) -> float | None:
        ended = self.pump(patient=True)
        if ended or self.status is not self._drawn:
            self._drawn = self.status
            redraw()
        if ended:
            self.on_idle(ended)
        return TICK if self.active else None


def _failed(task: Task, error: Exception) -> Outcome:
    """How a task ended that could not go on; a defect of ours is told in full on the console."""
    if not isinstance(error, DollygripError):
        traceback.print_exception(error)
        error = DollygripError(f"{task.title} failed: {error!r}.", "Please report this with what the console says.")
    return Outcome("failed", error)


def redraw(viewport: bool = False) -> None:
    """Redraw the sidebars and preferences that show the state, and the sequencer whose strip grows.

    viewport: the 3D Viewport itself, too. Only what is drawn in it needs that, for a scene may take long to draw.
    """
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"SEQUENCE_EDITOR", "PREFERENCES"} or (viewport and area.type == "VIEW_3D"):
                area.tag_redraw()
            elif area.type == "VIEW_3D":
                for region in (region for region in area.regions if region.type == "UI"):
                    region.tag_redraw()


def push_undo(message: str) -> None:
    """Make what a timer did a step of its own for undo; operators that wait get theirs from Blender."""
    windows = bpy.context.window_manager.windows
    if windows and not bpy.app.background:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.ed.undo_push(message=message)


session = Session()


@bpy.app.handlers.persistent
def abandon_on_load(_path: str) -> None:
    """Another file is open, not before: one that cannot be read leaves this one, and its job, as they are."""
    session.abandon()


def register() -> None:
    bpy.app.handlers.load_post.append(abandon_on_load)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(abandon_on_load)
    session.close()
