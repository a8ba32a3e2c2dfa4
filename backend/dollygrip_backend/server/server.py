"""The server: one poll loop that answers clients within milliseconds, whatever the workers do.

What may be large goes to disk in a thread of its own: a request is answered when it is there.
"""

import contextlib
import logging
import os
import sqlite3
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import zmq
from zmq.auth.thread import ThreadAuthenticator

import dollygrip
from dollygrip import protocol
from dollygrip.connection import CONNECTION_FILE, BackendError, Connection, read_connection, write_connection
from dollygrip.errors import DollygripError, InputError
from dollygrip.protocol import Accepted, Attach, Cancel, Credit, Failed, Hello, Message, Submit, Welcome
from dollygrip.protocol.messages import MAX_CREDIT
from dollygrip.state_folder import private_dir
from dollygrip_backend.jobs.scheduler import Scheduler
from dollygrip_backend.jobs.store import Asked, Job, JobStore
from dollygrip_backend.jobs.validation import LIMITS
from dollygrip_backend.server.capabilities import devices, engines, models
from dollygrip_backend.server.keys import Authoriser, ensure_keys
from dollygrip_backend.server.sessions import Sessions
from dollygrip_backend.workers.main import DEFAULT_RUNNER
from dollygrip_backend.workers.pool import WorkerPool

MAX_PART_BYTES = 2**28  # a depth map of the largest image
_TICK_MS = 100  # how soon a dead worker is noticed
_SOON_MS = 5  # how soon a request is answered that is on disk
_QUOTED = 10_000  # characters of an error that are sent
_BURST = 4  # messages handled before the workers get their turn
log = logging.getLogger("dollygrip.server")


class AlreadyRunningError(BackendError):
    """Another server has this state folder."""

    kind = "running"


class Server:
    """A backend on one state folder. `run` blocks until `stop`; everything happens in the thread that calls it.

    host, port: where clients connect; port 0 takes a free one. director: folder or hub name of the vision-language
    model for requests with `direct`, "" for none. Raises AlreadyRunningError where another process serves
    the same folder, and BackendError where the address cannot be bound (kind "address"), the folder not be used
    ("keys", "storage"), or its connection file leads to a remote backend ("remote").
    """

    def __init__(
        self,
        state: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        runner: str = DEFAULT_RUNNER,
        idle_s: float = 600,
        director: str = "",
    ):
        self._stop, self._director = threading.Event(), director
        self._arriving: deque[tuple[bytes, Submit, Future[Asked]]] = deque()
        with contextlib.ExitStack() as opened:
            opened.callback(_exclusive(private_dir(state)).close)
            _check_not_remote(state)
            keys = ensure_keys(state)
            context = zmq.Context(2)  # threads: while one decrypts what is large, the other goes on
            opened.callback(context.destroy, linger=0)
            self._pool = WorkerPool(context, devices(), state, runner, idle_s, director)
            opened.callback(self._pool.close)
            self._writer = ThreadPoolExecutor(1, "dollygrip-requests")
            opened.callback(self._writer.shutdown, cancel_futures=True)
            authenticator = ThreadAuthenticator(context, log=logging.getLogger("dollygrip.zap"))
            authenticator.start()
            opened.callback(authenticator.stop)
            authoriser = Authoriser(state, keys.client_public, self._pool.public)
            for domain in ("client", "worker"):
                authenticator.configure_curve_callback(domain, authoriser)
            self._socket = _client_socket(context, keys.server_secret, host, port)
            try:
                self._store = JobStore(state)
                opened.callback(self._store.close)
                self._store.prune()
                self._sessions = Sessions(self._store, self._send)
                self._scheduler = Scheduler(self._store, self._pool, self._sessions)
            except sqlite3.Error as error:
                hint = (
                    "Check the free space of the disk. If there is enough, delete jobs.sqlite and the folder jobs "
                    "there; what was rendered so far is lost then."
                )
                raise BackendError(f"The job store in {state} cannot be used: {error}.", hint, "storage") from error
            bound = self._socket.last_endpoint.rstrip(b"\0").decode()
            bound = bound.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
            own = keys.server_public, keys.client_public, keys.client_secret
            self.connection = Connection(bound, *own, os.getpid())
            write_connection(self.connection, state)
            opened.callback(_withdraw, self.connection, state)
            self._opened = opened.pop_all()

    def stop(self) -> None:
        """End `run` soon; may be called from another thread or a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Serve until stopped. Jobs under way are kept and go on at the next start."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._pool.socket, zmq.POLLIN)
        busy = False
        try:
            while not self._stop.is_set():
                poller.poll(0 if busy else _SOON_MS if self._arriving else _TICK_MS)
                busy = self._hear()
                self._take_in()
                self._scheduler.tick()
                busy = self._sessions.deliver() or busy
        finally:
            self.close()

    def close(self) -> None:
        """End the workers and let go of the address, the store and the state folder."""
        self._opened.close()

    # What clients say

    def _hear(self) -> bool:
        """Handle what clients have sent, a few messages at most; whether there may be more."""
        for _ in range(_BURST):
            if not self._socket.poll(0):
                return False
            client, *parts = self._socket.recv_multipart(copy=False)
            ref = None
            try:
                message, arrays = protocol.decode([part.buffer for part in parts])
                ref = getattr(message, "ref", None)
                self._handle(client.bytes, message, arrays)
            except Exception as error:  # whatever one client sends, the others are served
                self._refuse(client.bytes, ref, error)
        return True

    def _take_in(self) -> None:
        """Queue the requests that are on disk by now, in the order in which they came, and answer their clients."""
        while self._arriving and self._arriving[0][2].done():
            client, message, asked = self._arriving.popleft()
            try:
                self._subscribe(client, self._scheduler.submit(asked.result(), message.replaces), 0, message.ref)
            except Exception as error:
                self._refuse(client, message.ref, error)

    def _refuse(self, client: bytes, ref: int | None, error: Exception) -> None:
        """Answer a message with what was wrong; what quotes a megabyte of the request would not fit into a header."""
        if isinstance(error, DollygripError):
            kind, message, hint = error.kind, error.message, error.hint
        elif isinstance(error, OSError | sqlite3.Error):
            log.error("cannot store", exc_info=error)
            kind, message = "storage", f"The backend cannot store the job: {error}."
            hint = "Check the free space of the disk that holds the state folder."
        else:
            log.error("cannot answer", exc_info=error)
            kind, hint = "internal", "The backend's log has the details; please report this."
            message = f"The request failed unexpectedly ({f'{type(error).__name__}: {error}'[:500]})."
        self._send(client, protocol.encode(Failed(None, kind, message[:_QUOTED], hint[:_QUOTED], ref)))

    def _handle(self, client: bytes, message: Message, arrays: dict[str, Any]) -> None:
        if isinstance(message, Hello):
            offered = engines()
            offers = offered, models(offered), self._pool.devices
            self._send(client, protocol.encode(Welcome(dollygrip.__version__, *offers, LIMITS, self._director)))
        elif isinstance(message, Submit):
            asked = self._writer.submit(self._scheduler.prepare, message.request, arrays, message.replaces)
            self._arriving.append((client, message, asked))
        elif isinstance(message, Attach):
            job = self._known(message.job_id)
            if message.have > job.results and not job.live:
                raise InputError(f"The job has {job.results} results, not {message.have}.", "Attach with have=0.")
            self._subscribe(client, job, message.have, message.ref)
        elif isinstance(message, Cancel):
            self._scheduler.cancel(self._known(message.job_id).id)
        elif isinstance(message, Credit):
            self._sessions.credit(client, message.job_id, message.frames)
        else:
            raise protocol.ProtocolError(f"A client does not send {type(message).__name__}.")

    def _known(self, job_id: str) -> Job:
        job = self._store.get(job_id)
        if job is None:
            hint = "It was pruned, or belongs to another backend; submit it again."
            raise BackendError(f"There is no job {job_id} here.", hint, "unknown")
        return job

    def _subscribe(self, client: bytes, job: Job, have: int, ref: int) -> None:
        self._send(client, protocol.encode(Accepted(job.id, self._store.position(job.id), ref)))
        self._sessions.subscribe(client, job, have)

    def _send(self, client: bytes, parts: list[Any]) -> bool:
        """Send the parts of a message; False where the client has left or has no room because it does not read."""
        try:
            self._socket.send_multipart([client, *parts], zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        except zmq.ZMQError:
            self._sessions.forget(client)
            return False
        return True


def _client_socket(context: zmq.Context, secret: str, host: str, port: int) -> zmq.Socket:
    """The socket that clients connect to; raises BackendError (kind "address") where it cannot be bound."""
    socket = context.socket(zmq.ROUTER)
    socket.linger = 0
    socket.router_mandatory = True  # a client that has left raises, and is forgotten
    socket.sndhwm = 4 * MAX_CREDIT  # what a client has granted fits, with the news in between
    socket.heartbeat_ivl, socket.heartbeat_timeout = 5_000, 10_000
    socket.maxmsgsize = MAX_PART_BYTES
    socket.curve_server = True
    socket.curve_secretkey = secret.encode()
    socket.zap_domain = b"client"
    socket.ipv6 = ":" in host
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        socket.bind(f"tcp://{address}")
    except zmq.ZMQError as error:
        hint = "Choose another --host or --port."
        raise BackendError(f"The address {address} cannot be used: {error}.", hint, "address") from error
    return socket


def is_served(state: Path) -> bool:
    """Whether a server has this state folder, which exists."""
    try:
        _exclusive(state).close()
    except AlreadyRunningError:
        return True
    return False


def _check_not_remote(state: Path) -> None:
    """Raise BackendError (kind "remote") where the connection file is one that its user made, for another server."""
    try:
        connection = read_connection(state)
    except BackendError:
        return
    if connection.remote:
        raise BackendError(
            f"{state / CONNECTION_FILE} leads to the remote backend at {connection.endpoint}.",
            "Delete that file to serve here, or choose another folder by --state.",
            "remote",
        )


def _withdraw(connection: Connection, state: Path) -> None:
    """Remove the connection file, unless it leads somewhere else by now."""
    with contextlib.suppress(BackendError):
        if read_connection(state) == connection:
            (state / CONNECTION_FILE).unlink(missing_ok=True)


def _exclusive(state: Path) -> sqlite3.Connection:
    """Hold the state folder for this process alone: a SQLite lock, which the system drops however the process ends."""
    file, lock = state / "server.lock", None
    try:
        lock = sqlite3.connect(file, timeout=0, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if lock:
            lock.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise AlreadyRunningError(f"A backend is running already on {state}.") from error
        hint = "Check the free space of the disk. If there is enough, delete that file."
        raise BackendError(f"The lock {file} cannot be taken: {error}.", hint, "storage") from error
    return lock
