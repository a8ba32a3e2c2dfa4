"""The client of a backend: one encrypted socket, jobs submitted, events received.

    client = Client.connect(read_connection())
    for event in client.run(PredictRequest(prompt="pan left", frames=81), {"image": image}):
        ...

Every job ends in exactly one of Done, Failed, Cancelled.
"""

import itertools
import time
from collections import deque
from collections.abc import Iterator
from typing import Self, TypeVar

import attrs
import numpy as np
import zmq
from zmq.utils.monitor import recv_monitor_message

from dollygrip import protocol
from dollygrip.achieved import AchievedCamera
from dollygrip.connection import BackendError, Connection
from dollygrip.protocol import (
    Accepted,
    Achieved,
    Cancelled,
    Depth,
    Done,
    Failed,
    Frame,
    Message,
    Progress,
    Queued,
    Take,
    Welcome,
)
from dollygrip.trajectory import Trajectory

_HEARTBEAT_MS = 5_000
_WINDOW = 16  # frames under way in run(): hides the latency of a network, bounds the memory


@attrs.frozen(eq=False)
class TakeReady:
    """A predicted trajectory, number `index` of its job."""

    job_id: str
    index: int
    trajectory: Trajectory


@attrs.frozen(eq=False)
class FrameReady:
    """A rendered frame, number `index` of its job: sRGB uint8 (height, width, 3), read-only."""

    job_id: str
    index: int
    rgb: np.ndarray


@attrs.frozen(eq=False)
class DepthReady:
    """Depth of an image, float32 (h, w) along +Z, read-only, and its horizontal field of view in degrees."""

    job_id: str
    index: int
    depth: np.ndarray
    view_degrees: float


@attrs.frozen(eq=False)
class AchievedReady:
    """The camera that a job's frames show."""

    job_id: str
    index: int
    camera: AchievedCamera


Result = TakeReady | FrameReady | DepthReady | AchievedReady
Event = Queued | Progress | Result | Done | Failed | Cancelled
_Answer = TypeVar("_Answer", Welcome, Accepted)
TERMINAL = (Done, Failed, Cancelled)


class Client:
    """A connection to a backend. Belongs to one thread. Made by `Client.connect`, ended by `close`."""

    welcome: Welcome

    def __init__(self, connection: Connection):
        self._connection = connection
        self._context = zmq.Context()
        self._events: deque[Event] = deque()
        self._jobs: set[str] = set()  # those under way, which go on when the backend is started again
        self._refs = itertools.count(1)
        socket = self._socket = self._context.socket(zmq.DEALER)
        socket.linger = 500
        socket.heartbeat_ivl = _HEARTBEAT_MS
        socket.heartbeat_timeout = 2 * _HEARTBEAT_MS
        # No bound on what waits to be read: at one ZeroMQ stops listening, takes that for a dead peer, and aborts this
        # process once it is read after all (libzmq issue 3937). Frames are bounded by their credit.
        socket.rcvhwm = 0
        socket.ipv6 = "[" in connection.endpoint
        self._monitor = socket.get_monitor_socket(
            zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
        )
        try:
            socket.curve_serverkey = connection.server_public.encode()
            socket.curve_publickey = connection.client_public.encode()
            socket.curve_secretkey = connection.client_secret.encode()
            socket.connect(connection.endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise BackendError(
                f"{connection.endpoint} with its keys is no address of a backend: {error}.",
                "Check the address and the keys.",
                "unreachable",
            ) from error
        self._poller = zmq.Poller()
        self._poller.register(socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)

    @classmethod
    def connect(cls, connection: Connection, timeout: float = 5.0) -> Self:
        """Connect and exchange Hello and Welcome; `welcome` then holds the engines, devices and limits.

        Raises BackendError of kind "unreachable", "refused" (the key is not allowed) or "version".
        """
        client = cls(connection)
        try:
            client.welcome = client.hello(timeout)
        except BackendError:
            client.close()
            raise
        return client

    def hello(self, timeout: float = 5.0) -> Welcome:
        """Ask again what the backend offers; also tells that it lives."""
        self._send(protocol.Hello())
        return self._answer(Welcome, timeout, 0)

    def submit(
        self, request: protocol.Request, arrays: dict[str, np.ndarray], timeout: float = 30.0, replaces: str = ""
    ) -> str:
        """Queue a job and return its id. Raises BackendError with the backend's reason where it is refused.

        arrays: `image` uint8 (H, W, 3); for a render `c2w` and `intrinsics` as in Trajectory; `depth` float32 (H, W)
        where known. Frames then come as `credit` allows; everything else comes by itself. replaces: a job that this
        one takes the place of, which is cancelled; its arrays are used where there are none (kind "unknown" where they
        are gone).
        """
        ref = next(self._refs)
        self._send(protocol.Submit(request, ref, replaces), arrays)
        return self._accepted(timeout, ref)

    def attach(self, job_id: str, have: int = 0, timeout: float = 30.0) -> None:
        """Receive the results of a job from number `have` on, and its end, also after either side was restarted.

        Credit starts at nothing. Raises BackendError (kind "unknown") where the backend has no such job.
        """
        ref = next(self._refs)
        self._jobs.add(job_id)  # it goes on also where no answer comes
        self._send(protocol.Attach(job_id, have, ref))
        self._accepted(timeout, ref)

    def credit(self, job_id: str, frames: int) -> None:
        """Allow the backend to send so many more frames of the job (at most 1024 a call)."""
        self._send(protocol.Credit(job_id, frames))

    def cancel(self, job_id: str) -> None:
        """Ask for the job to stop; it ends with Cancelled, or with Done where it was faster."""
        self._send(protocol.Cancel(job_id))

    def poll(self, timeout_s: float = 0.0) -> Event | None:
        """The next event of any job of this client, or None after the timeout.

        Raises BackendError (kind "lost") where the connection broke; connect again and attach.
        """
        deadline = time.monotonic() + timeout_s
        while not self._events:
            message = self._receive(deadline)
            if message is None:
                return None
            self._keep(*message)
        return self._events.popleft()

    def run(self, request: protocol.Request, arrays: dict[str, np.ndarray]) -> Iterator[Event]:
        """Submit a job and yield its events up to Done or Cancelled; raises BackendError where it fails.

        Leaving the iteration early cancels the job.
        """
        job_id, ended = self.submit(request, arrays), False
        self.credit(job_id, _WINDOW)
        try:
            while not ended:
                event = self.poll(1.0)
                if event is None or event.job_id != job_id:
                    continue
                if isinstance(event, FrameReady):
                    self.credit(job_id, 1)
                ended = isinstance(event, TERMINAL)
                if isinstance(event, Failed):
                    raise _error(event)
                yield event
        finally:
            if not ended:
                self.cancel(job_id)

    def close(self) -> None:
        """Leave, if that has not been done. Jobs under way go on; attach to them later."""
        if self._socket.closed:
            return
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, message: Message, arrays: dict[str, np.ndarray] | None = None) -> None:
        self._socket.send_multipart(protocol.encode(message, arrays), copy=False)

    def _receive(self, deadline: float) -> tuple[Message, dict[str, np.ndarray]] | None:
        """The next message, or None at the deadline; raises BackendError where the connection is gone."""
        ready = dict(self._poller.poll(max(0.0, deadline - time.monotonic()) * 1000))
        if self._socket in ready:  # first of all what has arrived, then the news that nothing more will
            parts = self._socket.recv_multipart(copy=False)
            try:
                return protocol.decode([part.buffer for part in parts])
            except protocol.ProtocolError as error:
                raise BackendError(error.message, error.hint, error.kind) from error
        if self._monitor in ready:
            raise self._broken(recv_monitor_message(self._monitor)["event"])
        return None

    def _broken(self, event: int) -> BackendError:
        where = self._connection.endpoint
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            hint = "Put this client's public key into the authorized_keys folder of the backend."
            return BackendError(f"The backend at {where} does not know this client's key.", hint, "refused")
        if not hasattr(self, "welcome"):
            hint = "Start the backend, or check its address and public key."
            return BackendError(f"No backend answers at {where}.", hint, "unreachable")
        hint = "Start it again: the job goes on where it was." if self._jobs else "Start it, and try again."
        return BackendError(f"The connection to the backend at {where} was lost.", hint, "lost")

    def _accepted(self, timeout: float, ref: int) -> str:
        """Wait until a job is accepted and return its id; that it has to wait in line is its first event."""
        answer = self._answer(Accepted, timeout, ref)
        self._jobs.add(answer.job_id)
        if answer.position > 0:
            self._events.append(Queued(answer.job_id, answer.position))
        return answer.job_id

    def _answer(self, kind: type[_Answer], timeout: float, ref: int) -> _Answer:
        """Wait for the answer to one message; what arrives for other jobs meanwhile is kept for `poll`."""
        deadline = time.monotonic() + timeout
        while (received := self._receive(deadline)) is not None:
            message = received[0]
            if isinstance(message, kind) and getattr(message, "ref", 0) == ref:
                return message
            if isinstance(message, Failed) and message.job_id is None and message.ref in (ref, None):
                raise _error(message)
            self._keep(*received)
        raise BackendError(
            f"The backend at {self._connection.endpoint} did not answer within {timeout:g} s.",
            "Check that it is running and that the address and its public key are right.",
            "unreachable",
        )

    def _keep(self, message: Message, arrays: dict[str, np.ndarray]) -> None:
        """Turn a message into the event that `poll` returns."""
        if isinstance(message, Take):
            self._events.append(TakeReady(message.job_id, message.index, message.trajectory.trajectory(arrays)))
        elif isinstance(message, Frame):
            self._events.append(FrameReady(message.job_id, message.index, arrays["rgb"]))
        elif isinstance(message, Depth):
            self._events.append(DepthReady(message.job_id, message.index, arrays["depth"], message.view_degrees))
        elif isinstance(message, Achieved):
            sums = {name: getattr(message, name) for name in ("rot_err", "trans_err", "cam_mc", "scale", "moves")}
            self._events.append(AchievedReady(message.job_id, message.index, AchievedCamera(**sums, **arrays)))
        elif isinstance(message, Failed) and message.job_id is None:
            raise _error(message)
        elif isinstance(message, Queued | Progress | Done | Failed | Cancelled):
            self._events.append(message)
            if isinstance(message, TERMINAL):
                self._jobs.discard(message.job_id)


def _error(failed: Failed) -> BackendError:
    return BackendError(failed.message, failed.hint, failed.kind)
