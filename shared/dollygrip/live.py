"""Predictions that follow a request while it changes: the newest wins, what has become old is dropped.

    live = LivePredictor(lambda: Client.connect(read_connection()))
    live.ask(PredictRequest(prompt="pan l"), arrays)
    live.ask(PredictRequest(prompt="pan left"), arrays)
    ... live.answer() ...

One request is under way at a time. One that waits in the backend's queue is cancelled as soon as there is a newer one;
one that is being computed ends and is shown, so that a slider that is dragged without a pause is followed too. Requests
in between are never sent. Arrays are sent once, for as long as the same dictionary is asked with.
"""

import threading
from collections.abc import Callable

import attrs
import numpy as np

from dollygrip.client import Client, TakeReady
from dollygrip.connection import BackendError
from dollygrip.errors import DollygripError
from dollygrip.protocol import Cancelled, Done, Failed, PredictRequest, Progress
from dollygrip.trajectory import Trajectory

TICK = 0.025  # seconds between two looks at what changes; faster changes are one


@attrs.frozen(eq=False)
class Answer:
    """What became of request `number`: the first trajectory of its job, or the error that it met."""

    number: int
    job_id: str = ""
    trajectory: Trajectory | None = None
    error: DollygripError | None = None


@attrs.frozen(eq=False)
class _Asked:
    number: int
    request: PredictRequest
    arrays: dict[str, np.ndarray]


class LivePredictor:
    """A thread with a connection of its own.

    `asked` and `answered` are numbers of requests, counted from 1; `stage` is where the one under way is: "queue" while
    others are ahead of it, then what the backend says of it ("models", "depth", "camera").
    """

    def __init__(self, connect: Callable[[], Client]):
        """connect: called on the thread, also after a connection was lost; what it raises is answered."""
        self._connect = connect
        self.asked = self.answered = 0
        self.stage = ""
        self._next: _Asked | None = None
        self._answer: Answer | None = None
        self._sent: tuple[str, dict[str, np.ndarray]] | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="dollygrip-live", daemon=True)
        self._thread.start()

    def ask(self, request: PredictRequest, arrays: dict[str, np.ndarray]) -> int:
        """Want this now, and nothing that was wanted before; returns its number."""
        with self._changed:
            self.asked += 1
            self._next = _Asked(self.asked, request, arrays)
            self._changed.notify()
            return self.asked

    def answer(self) -> Answer | None:
        """The newest answer, once."""
        with self._changed:
            answer, self._answer = self._answer, None
            return answer

    def close(self, timeout: float = 5.0) -> None:
        """Leave: a request that is under way is cancelled."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        client, retried = None, 0
        try:
            while asked := self._wait():
                try:
                    client = client or self._connect()
                    self._predict(client, asked)
                except DollygripError as error:
                    if client and error.kind == "lost":
                        client = client.close()
                        if retried != asked.number:  # the backend may have been started anew meanwhile
                            retried = asked.number
                            self._want_again(asked)
                            continue
                    self._put(Answer(asked.number, error=error))
                except Exception as error:  # a defect of ours must not look like a prediction that never ends
                    self._put(Answer(asked.number, error=DollygripError(f"Live direction failed: {error!r}.")))
                    raise
        finally:
            if client:
                client.close()

    def _wait(self) -> _Asked | None:
        """The newest request, as soon as there is one; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._next or self._closed)
            asked, self._next = self._next, None
            return None if self._closed else asked

    def _want_again(self, asked: _Asked) -> None:
        with self._changed:
            self._next = self._next or asked

    def _put(self, answer: Answer) -> None:
        """Keep an answer until it is fetched; errors of what is not wanted any more are nobody's business."""
        with self._changed:
            if answer.trajectory is not None or self._next is None:
                self._answer, self.answered = answer, answer.number

    def _predict(self, client: Client, asked: _Asked) -> None:
        self.stage = ""
        job_id, self.stage = self._submit(client, asked), "queue"
        while True:
            event = client.poll(TICK)
            if self._closed:
                return client.cancel(job_id)
            if self._next and self.stage == "queue":
                return None  # the next one takes its place in the queue
            if event is None or event.job_id != job_id:
                continue
            match event:
                case TakeReady():
                    return self._put(Answer(asked.number, job_id, event.trajectory))
                case Progress():
                    self.stage = event.stage
                case Failed():
                    raise BackendError(event.message, event.hint, event.kind)
                case Done() | Cancelled():
                    raise BackendError("The prediction was cancelled.", "Change the prompt again.", "cancelled")

    def _submit(self, client: Client, asked: _Asked) -> str:
        earlier, sent = self._sent or ("", None)
        try:
            job_id = client.submit(asked.request, {} if sent is asked.arrays else asked.arrays, replaces=earlier)
        except BackendError as error:
            if error.kind != "unknown":
                raise
            job_id = client.submit(asked.request, asked.arrays)
        self._sent = job_id, asked.arrays
        return job_id
