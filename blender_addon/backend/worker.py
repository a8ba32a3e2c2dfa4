"""The client thread of one task: connects, submits or attaches, and queues what arrives. Never touches bpy."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, Self

import attrs

from dollygrip.client import Client, Event, Result
from dollygrip.connection import BackendError
from dollygrip.errors import DollygripError
from dollygrip.protocol import Cancelled, Done, Failed, Progress, Queued, Request, Welcome

from . import server

if TYPE_CHECKING:
    import bpy

WINDOW = 8  # frames that the backend may be ahead of what is on disk
RECONNECTS = 3


class Task(Protocol):
    """What a session does: `build` and `prepare` run on the client thread and never touch bpy, the rest on the main."""

    title: str
    scene_name: str  # as it was when the task was asked for
    job_id: str  # "" until the backend has accepted it; a task that begins with one is attached to again
    received: int  # how many results of that job are there already
    together: bool  # whether its results go into the scene all at once, when the task ends

    @classmethod
    def of(cls, context: "bpy.types.Context") -> Self:
        """The task that the scene asks for; on the main thread. Raises DollygripError with what is wrong."""

    def build(self, welcome: Welcome, tell: "Tell") -> tuple[Request, dict[str, Any]] | None:
        """The request and its arrays; None where being connected was all that was wanted."""

    def prepare(self, event: Result) -> Any:
        """Turn a result into what `deliver` takes."""

    def deliver(self, scene: "bpy.types.Scene", prepared: Any) -> None:
        """Put a result into the scene."""

    def finish(self, scene: "bpy.types.Scene", outcome: "Outcome") -> None:
        """The task has ended; called exactly once."""

    def record(self) -> dict[str, Any]:
        """What `resumed` needs to go on with the job after Blender was closed: plain JSON without absolute paths.

        Objects have the names in it that they have by now."""


@attrs.frozen
class Outcome:
    """How a task ended: `done`, `cancelled`, or with an `error`."""

    state: str
    error: DollygripError | None = None
    summary: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Submitted:
    """The backend has accepted the task's job."""

    job_id: str


@attrs.frozen
class Status:
    """What the panel shows of a running task."""

    text: str
    done: int = 0
    total: int = 0

    @property
    def share(self) -> float:
        return self.done / self.total if self.total else 0.0


Tell = Callable[[Status], None]
"""Shows what is being done; raises BackendError of kind "cancelled" where that is to stop."""


@attrs.frozen
class Orders:
    """To the client thread: cancel the job, or leave it running and end."""

    cancel: threading.Event = attrs.field(factory=threading.Event)
    leave: threading.Event = attrs.field(factory=threading.Event)

    def stop(self) -> bool:
        return self.cancel.is_set() or self.leave.is_set()


@attrs.frozen
class Worker:
    """Puts results and, last, the Outcome into the queue; `show` and `connected` tell what is going on meanwhile."""

    task: Task
    executable: str | None
    results: queue.SimpleQueue
    orders: Orders
    show: Callable[[Status], None]
    connected: Callable[[Welcome], None]

    def run(self) -> None:
        try:
            self.results.put(self._do())
        except DollygripError as error:
            cancelled = error.kind == "cancelled"
            self.results.put(Outcome("cancelled") if cancelled else Outcome("failed", error))
        except OSError as error:  # where the disk is full, no file is named
            place = f"{error.filename}: " if error.filename else ""
            said = f"{self.task.title} failed, for a file cannot be read or written: {place}{error.strerror}."
            hint = "Look after its folder and the space on the disk, then start it again."
            self.results.put(Outcome("failed", DollygripError(said, hint)))
        except Exception as error:  # a defect of ours: the job must still end, with its reason
            said = DollygripError(f"{self.task.title} failed: {error!r}.", "Please report this.")
            self.results.put(Outcome("failed", said))
            raise

    def _do(self) -> Outcome:
        client = self._connect()
        try:
            job_id, received, losses = self.task.job_id, 0, 0
            if job_id:
                received = self.task.received
                client.attach(job_id, received)
            elif (wanted := self.task.build(client.welcome, self._tell)) is None:
                return Outcome("done")
            else:
                job_id = client.submit(*wanted)
                self.results.put(Submitted(job_id))
            client.credit(job_id, WINDOW)
            while True:
                try:
                    for event in self._events(client, job_id):
                        if isinstance(event, Result):
                            self.results.put(self.task.prepare(event))
                            received, losses = event.index + 1, 0
                            client.credit(job_id, 1)
                        elif outcome := self._follow(event):
                            return outcome
                    return Outcome("left")
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
        client = server.connect(self.executable, lambda: self._show(Status("Starting the backend")), self.orders.stop)
        self.connected(client.welcome)
        return client

    def _events(self, client: Client, job_id: str) -> Iterator[Event]:
        """What arrives for the job until it is to be left; asks once for its end when the task is cancelled."""
        asked = False
        while not self.orders.leave.is_set():
            if self.orders.cancel.is_set() and not asked:
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
            case Progress(stage="models"):
                self._show(Status("Loading the models"))
            case Progress():
                self._show(Status(event.stage.capitalize(), event.done, event.total))
            case Queued():
                ahead = event.position
                self._show(Status(f"Waiting: {ahead} ahead" if ahead else "Waiting for the worker"))
        return None

    def _tell(self, status: Status) -> None:
        if self.orders.stop():
            raise BackendError(f"{self.task.title} was cancelled.", kind="cancelled")
        self.show(status)

    def _show(self, status: Status) -> None:
        if not self.orders.stop():
            self.show(status)
