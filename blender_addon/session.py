"""One job at a time: a client thread owns the socket, the main thread owns bpy, a queue lies between them.

The thread connects, submits, prepares what arrives (PNG files, fitted curves) and queues it. `Session.pump` delivers
it on the main thread within a few milliseconds a tick: on Blender's timer for a job that was started from the
interface, in a loop for an operator that a script called and that waits.
"""

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any, Protocol, Self

import attrs
import bpy

from dollygrip.client import Client, Event, FrameReady, TakeReady
from dollygrip.connection import BackendError
from dollygrip.errors import DollygripError
from dollygrip.protocol import Cancelled, Done, Failed, Progress, Queued, Request, Welcome

from . import backend

TICK = 0.05  # seconds between ticks of the pump
BUDGET = 0.004  # seconds a tick may work before it leaves the rest to the next
WINDOW = 8  # frames that the backend may be ahead of what is on disk
RECONNECTS = 3


class Task(Protocol):
    """What a session does: `build` and `prepare` run on the client thread and never touch bpy, the rest on the main."""

    title: str
    scene_name: str

    @classmethod
    def of(cls, context: bpy.types.Context) -> Self:
        """The task that the scene asks for; on the main thread. Raises DollygripError with what is wrong."""

    def build(self, welcome: Welcome) -> tuple[Request, dict[str, Any]] | None:
        """The request and its arrays; None where being connected was all that was wanted."""

    def prepare(self, event: TakeReady | FrameReady) -> Any:
        """Turn a result into what `deliver` takes."""

    def deliver(self, scene: bpy.types.Scene, prepared: Any) -> None:
        """Put a result into the scene."""

    def finish(self, scene: bpy.types.Scene, outcome: "Outcome") -> None:
        """The task has ended; called exactly once."""


@attrs.frozen
class Outcome:
    """How a task ended: `done`, `cancelled`, or with an `error`."""

    state: str
    error: DollygripError | None = None
    summary: dict[str, Any] = attrs.field(factory=dict)
    notice: str = ""


@attrs.frozen
class Status:
    """What the panel shows of a running task."""

    text: str
    done: int = 0
    total: int = 0

    @property
    def share(self) -> float:
        return self.done / self.total if self.total else 0.0


@attrs.define
class StartBackend:
    """Connect, starting a backend if none runs; no results come."""

    scene_name: str
    title: str = "Starting the backend"

    @classmethod
    def of(cls, context: bpy.types.Context) -> "StartBackend":
        return cls(context.scene.name)

    def build(self, _welcome: Welcome) -> None:
        return None

    def finish(self, scene: bpy.types.Scene, outcome: Outcome) -> None:
        scene.dollygrip.notice = "The backend is ready." if outcome.state == "done" else ""


class Session:
    """State of the connection and of the one running task. Read from the main thread only."""

    def __init__(self) -> None:
        self.task: Task | None = None
        self.last = ""  # class name of the task that was asked for last: its panel shows how it ended
        self.status = Status("")
        self.welcome: Welcome | None = None
        self._cancelling = threading.Event()
        self._results: queue.SimpleQueue = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._drawn: Status | None = None

    @property
    def active(self) -> bool:
        return self.task is not None

    def start(self, task: Task, executable: str) -> None:
        """Begin a task on the client thread; its results wait for `pump`. One task at a time."""
        if self.active:
            raise BackendError(f"{self.task.title} is still running.", "Wait for it or cancel it.", "busy")
        self.task, self.status = task, Status("Connecting to the backend")
        self._cancelling, self._results = threading.Event(), queue.SimpleQueue()
        worker = _Worker(self, task, executable, self._results, self._cancelling)
        self._thread = threading.Thread(target=worker.run, name="dollygrip-client", daemon=True)
        self._thread.start()

    def start_on_timer(self, task: Task, executable: str) -> None:
        """Begin a task that goes on while the interface is used."""
        self.start(task, executable)
        bpy.app.timers.register(self._tick, first_interval=TICK, persistent=True)

    def run(self, task: Task, executable: str) -> Outcome:
        """Do a task while the caller waits, and return how it ended; Ctrl-C cancels it."""
        self.start(task, executable)
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
            self._cancelling.set()
            self.status = attrs.evolve(self.status, text="Cancelling")

    def abandon(self) -> None:
        """Cancel and forget the task: its scene is about to go. What is on disk stays there."""
        self.cancel()
        self.task, self.status = None, Status("")
        if bpy.app.timers.is_registered(self._tick):
            bpy.app.timers.unregister(self._tick)

    def close(self) -> None:
        """Abandon the task and wait for the thread: for the extension's end."""
        self.abandon()
        if self._thread:
            self._thread.join(timeout=5.0)

    def pump(self, budget: float = BUDGET) -> Outcome | None:
        """Deliver what has arrived, for at most `budget` seconds and one item more; the outcome once it has ended."""
        deadline = time.perf_counter() + budget
        while self.task is not None and time.perf_counter() < deadline:
            try:
                item = self._results.get_nowait()
            except queue.Empty:
                return None
            scene = bpy.data.scenes.get(self.task.scene_name)
            if isinstance(item, Outcome):
                return self._finish(scene, item)
            if scene is not None:
                self.task.deliver(scene, item)
        return None

    def _finish(self, scene: bpy.types.Scene | None, outcome: Outcome) -> Outcome:
        task, self.task, self.status = self.task, None, Status("")
        if scene is not None:
            state, error = scene.dollygrip, outcome.error
            state.error, state.hint = (error.message, error.hint) if error else ("", "")
            task.finish(scene, outcome)
        return outcome

    def _tick(self) -> float | None:
        ended = self.pump()
        if ended or self.status is not self._drawn:
            self._drawn = self.status
            redraw()
        return TICK if self.active else None


@attrs.frozen
class _Worker:
    """The client thread of one task. Puts results and, last, the Outcome into the queue; sets `session.status`."""

    session: Session
    task: Task
    executable: str
    results: queue.SimpleQueue
    cancelling: threading.Event

    def run(self) -> None:
        try:
            self.results.put(self._do())
        except DollygripError as error:
            cancelled = error.kind == "cancelled"
            self.results.put(Outcome("cancelled") if cancelled else Outcome("failed", error))
        except Exception as error:  # a defect of ours: the job must still end, with its reason
            said = DollygripError(f"{self.task.title} failed: {error!r}.", "Please report this.")
            self.results.put(Outcome("failed", said))
            raise

    def _do(self) -> Outcome:
        client = self._connect()
        try:
            wanted = self.task.build(client.welcome)
            if wanted is None:
                return Outcome("done")
            job_id, received, losses = client.submit(*wanted), 0, 0
            client.credit(job_id, WINDOW)
            while True:
                try:
                    for event in self._events(client, job_id):
                        if isinstance(event, TakeReady | FrameReady):
                            self.results.put(self.task.prepare(event))
                            received = event.index + 1
                            client.credit(job_id, 1)
                        elif outcome := self._follow(event):
                            return outcome
                except BackendError as error:
                    losses += 1
                    if error.kind != "lost" or losses > RECONNECTS:
                        raise
                    self._show(Status("Connection lost, connecting again"))
                    client.close()
                    client = self._connect()
                    client.attach(job_id, received)
                    client.credit(job_id, WINDOW)
        finally:
            client.close()

    def _connect(self) -> Client:
        client = backend.connect(
            self.executable, lambda: self._show(Status("Starting the backend")), self.cancelling.is_set
        )
        self.session.welcome = client.welcome
        return client

    def _events(self, client: Client, job_id: str) -> Iterator[Event]:
        """What arrives for the job, for ever; asks once for its end when the task is cancelled."""
        asked = False
        while True:
            if self.cancelling.is_set() and not asked:
                client.cancel(job_id)
                asked = True
            if event := client.poll(0.05):
                yield event

    def _follow(self, event: Queued | Progress | Done | Failed | Cancelled) -> Outcome | None:
        """Show an event that is not a result; the outcome if it is the last one."""
        match event:
            case Failed():
                raise BackendError(event.message, event.hint, event.kind)
            case Done():
                return Outcome("done", summary=event.summary)
            case Cancelled():
                return Outcome("cancelled")
            case Progress():
                self._show(Status(event.stage.capitalize(), event.done, event.total))
            case Queued():
                ahead = event.position
                self._show(Status(f"Waiting: {ahead} ahead" if ahead else "Waiting for the worker"))
        return None

    def _show(self, status: Status) -> None:
        if not self.cancelling.is_set():
            self.session.status = status


def redraw() -> None:
    """Redraw the sidebars that show the state, and the sequencer whose strip grows."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"VIEW_3D", "SEQUENCE_EDITOR"}:
                area.tag_redraw()


def push_undo(message: str) -> None:
    """Make what a timer did a step of its own for undo; operators that wait get theirs from Blender."""
    windows = bpy.context.window_manager.windows
    if windows and not bpy.app.background:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.ed.undo_push(message=message)


session = Session()


@bpy.app.handlers.persistent
def abandon_on_load(_path: str) -> None:
    session.abandon()


def register() -> None:
    bpy.app.handlers.load_pre.append(abandon_on_load)


def unregister() -> None:
    bpy.app.handlers.load_pre.remove(abandon_on_load)
    session.close()
