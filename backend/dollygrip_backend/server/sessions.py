"""Who receives which job, and how far they are: results go out in order, as credit allows, then the job's ending.

A client that does not read has no room at last: its results and endings wait for it, other news is dropped. One that
has left is found out by the next message to it, so that even who has nothing to be told is written to now and then.
"""

import time
from collections.abc import Callable
from typing import Any

import attrs

from dollygrip.protocol import Accepted, Failed, Progress, Queued, RenderRequest, encode
from dollygrip.protocol.messages import MAX_CREDIT
from dollygrip_backend.jobs.store import Job, JobStore

_BURST = 4  # results sent to one client before the others get their turn
_CALL_S = 60.0  # between messages that find out who has left


@attrs.define
class _Subscription:
    """One client's view of one job. `next`: number of the next result to send; `credit`: how many it has room for."""

    next: int
    credit: int
    position: int


class Sessions:
    """The subscriptions of all clients. send(client, parts) returns False where it could not be sent."""

    def __init__(self, store: JobStore, send: Callable[[bytes, list[Any]], bool]):
        self._store, self._send = store, send
        self._subscriptions: dict[tuple[bytes, str], _Subscription] = {}
        self._called = time.monotonic()

    def subscribe(self, client: bytes, job: Job, have: int) -> None:
        """Send the job's results from number `have` on. Only frames are many or large: the rest has credit at once."""
        credit = 0 if job.kind == RenderRequest.__name__ else MAX_CREDIT
        self._subscriptions[client, job.id] = _Subscription(have, credit, self._store.position(job.id))

    def credit(self, client: bytes, job_id: str, frames: int) -> None:
        """The client has room for so many more frames; one that crosses the end of its job is no error."""
        subscription = self._subscriptions.get((client, job_id))
        if subscription is not None:
            subscription.credit = min(subscription.credit + frames, MAX_CREDIT)

    def progressed(self, progress: Progress) -> None:
        parts = encode(progress)
        for client, job_id in list(self._subscriptions):
            if job_id == progress.job_id:
                self._send(client, parts)

    def forget(self, client: bytes) -> None:
        """The client has left."""
        for key in [key for key in self._subscriptions if key[0] == client]:
            del self._subscriptions[key]

    def followed(self) -> set[str]:
        return {job_id for _, job_id in self._subscriptions}

    def moved(self) -> None:
        positions = self._store.positions()
        for (client, job_id), subscription in list(self._subscriptions.items()):
            position = positions.get(job_id, subscription.position)  # one that has ended is in no line
            if position != subscription.position and self._send(client, encode(Queued(job_id, position))):
                subscription.position = position

    def deliver(self) -> bool:
        """Send what is stored and allowed, a little to each; whether there is more to send now."""
        if time.monotonic() - self._called > _CALL_S:
            self._call()
        more = False
        for (client, job_id), subscription in list(self._subscriptions.items()):
            more = self._deliver(client, job_id, subscription) or more
        return more

    def _call(self) -> None:
        """Repeat to all what they know: who is there ignores it, who has left is forgotten."""
        self._called = time.monotonic()
        for (client, job_id), subscription in list(self._subscriptions.items()):
            self._send(client, encode(Accepted(job_id, subscription.position)))

    def _deliver(self, client: bytes, job_id: str, subscription: _Subscription) -> bool:
        job = self._store.get(job_id)
        for _ in range(_BURST):
            if subscription.next >= job.results or not subscription.credit:
                break
            if not self._send_result(client, job_id, subscription):
                return False
        else:
            return True
        # What was finished goes out before the ending, that of a failure too; who cancelled wants no more of it.
        if not job.live and (subscription.next >= job.results or job.state == "cancelled"):
            self._end(client, job_id, [job.ending])
        return False

    def _send_result(self, client: bytes, job_id: str, subscription: _Subscription) -> bool:
        """Send the next result; False where it could not be read or sent."""
        try:
            parts = self._store.result(job_id, subscription.next)
        except (OSError, ValueError) as error:
            message = f"Result {subscription.next} cannot be read: {error}."
            self._end(client, job_id, encode(Failed(job_id, "storage", message, "Submit the job again.")))
            return False
        if not self._send(client, parts):
            return False
        subscription.next += 1
        subscription.credit -= 1
        return True

    def _end(self, client: bytes, job_id: str, parts: list[Any]) -> None:
        if self._send(client, parts):
            self._subscriptions.pop((client, job_id), None)
