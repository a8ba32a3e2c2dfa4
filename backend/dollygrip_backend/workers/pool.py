"""The server's side of its workers: starts a process for a device, talks to it, notices when it dies."""

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import zmq

from dollygrip import protocol
from dollygrip_backend.workers.main import DEFAULT_RUNNER, WorkerConfig

HUB = "hub"  # in a device's place: the worker that fetches models
FETCHER = "dollygrip_backend.workers.fetcher:Fetcher"
START_TIMEOUT_S = 60.0
CANCEL_TIMEOUT_S = 30.0
MAX_LOG_BYTES = 2**20
_BURST = 8  # messages handled before clients get their turn
log = logging.getLogger("dollygrip.workers")


@attrs.define(eq=False)
class WorkerProcess:
    """A worker as the server sees it. `job_id`: its job or ""; `cancelled_at`: when that was cancelled."""

    name: str
    device: str
    process: subprocess.Popen
    since: float
    ready: bool = False
    released: bool = False
    job_id: str = ""
    cancelled_at: float | None = None

    @property
    def idle(self) -> bool:
        return self.ready and not self.job_id and not self.released

    @property
    def fetches(self) -> bool:
        return self.device == HUB


class WorkerPool:
    """At most one worker for each device and one that fetches models, over one ROUTER socket bound to the loopback.

    Its ZAP domain is "worker"; `public` is the key that workers authenticate with. state: the server's folder, where
    workers write their log and read what jobs are asked, and what interrupted ones have made.
    """

    def __init__(
        self,
        context: zmq.Context,
        devices: list[str],
        state: Path,
        runner: str = DEFAULT_RUNNER,
        idle_s: float = 600,
        director: str = "",
    ):
        self.devices = devices
        self._runner, self._state, self._idle_s, self._director = runner, state, idle_s, director
        self._log = state / "worker.log"
        self._workers: dict[str, WorkerProcess] = {}
        self._started = 0
        self._server_public, server_secret = (key.decode() for key in zmq.curve_keypair())
        self.public, self._secret = (key.decode() for key in zmq.curve_keypair())
        self.socket = context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.router_mandatory = True
        self.socket.curve_server = True
        self.socket.curve_secretkey = server_secret.encode()
        self.socket.zap_domain = b"worker"
        self._endpoint = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"

    def idle(self, fetches: bool = False) -> WorkerProcess | None:
        """A worker that can take a job now: one for a device, or the one that fetches models."""
        return next((worker for worker in self._of(fetches) if worker.idle), None)

    def of_job(self, job_id: str) -> WorkerProcess | None:
        return next((worker for worker in self._workers.values() if worker.job_id == job_id), None)

    def grow(self, jobs: int, fetches: bool = False) -> None:
        """Start workers on free devices until `jobs` of them are idle or about to be; or that which fetches."""
        coming = sum(not worker.job_id for worker in self._of(fetches))
        taken = {worker.device for worker in self._workers.values()}
        devices = [HUB] if fetches else self.devices
        for device in [device for device in devices if device not in taken][: max(0, jobs - coming)]:
            self._start(device)

    def _of(self, fetches: bool) -> list[WorkerProcess]:
        return [worker for worker in self._workers.values() if worker.fetches == fetches]

    def assign(self, worker: WorkerProcess, job_id: str, have: int) -> None:
        """Let an idle worker do a job, of which so many results are there already."""
        worker.job_id, worker.cancelled_at = job_id, None
        self._send(worker, protocol.encode(protocol.Run(job_id, have)))

    def cancel(self, worker: WorkerProcess) -> None:
        """Ask a worker to stop its job; it is killed if it does not listen."""
        if worker.cancelled_at is None:
            worker.cancelled_at = time.monotonic()
            self._send(worker, protocol.encode(protocol.Cancel(worker.job_id)))

    def free(self, worker: WorkerProcess) -> None:
        """The worker's job has ended."""
        worker.job_id, worker.cancelled_at, worker.since = "", None, time.monotonic()

    def receive(self) -> Iterator[tuple[WorkerProcess, protocol.Message, list[Any]]]:
        """A few of the messages that have arrived, with their parts; none that is malformed or not a worker's."""
        for _ in range(_BURST):
            if not self.socket.poll(0):
                return
            name, *parts = self.socket.recv_multipart(copy=False)
            worker = self._workers.get(name.bytes.decode(errors="replace"))
            if worker is None:
                continue
            buffers = [part.buffer for part in parts]
            try:
                message, _ = protocol.decode(buffers)
            except protocol.ProtocolError as error:
                log.error("worker %s: %s", worker.name, error)
                worker.process.kill()
                continue
            if isinstance(message, protocol.Ready):
                worker.ready, worker.since = True, time.monotonic()
            else:
                yield worker, message, buffers

    def reap(self) -> Iterator[WorkerProcess]:
        """Remove and yield workers that died; release idle ones; kill those that hang in start or cancel.

        Their log is bounded, too.
        """
        self._bound_log()
        now = time.monotonic()
        for worker in list(self._workers.values()):
            if worker.process.poll() is not None:
                del self._workers[worker.name]
                log.info("worker %s ended with code %s", worker.name, worker.process.returncode)
                yield worker
            elif worker.idle and now - worker.since > self._idle_s:
                log.info("worker %s released", worker.name)
                worker.released = True
                worker.process.kill()  # it has nothing to lose, and its memory is free at once
            elif (not worker.ready and now - worker.since > START_TIMEOUT_S) or (
                worker.cancelled_at is not None and now - worker.cancelled_at > CANCEL_TIMEOUT_S
            ):
                log.warning("worker %s does not answer", worker.name)
                worker.process.kill()

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers.values():
            worker.process.kill()
        for worker in self._workers.values():
            worker.process.wait(10)
        self.socket.close()

    def _start(self, device: str) -> None:
        self._started += 1
        name = f"{device}#{self._started}"
        keys = self._server_public, self.public, self._secret
        runner = FETCHER if device == HUB else self._runner
        config = WorkerConfig(self._endpoint, *keys, name, device, str(self._state), runner, self._director)
        with self._log.open("ab") as log_file:
            process = subprocess.Popen(
                [sys.executable, "-m", "dollygrip_backend.workers.main"],
                stdin=subprocess.PIPE,
                stdout=log_file,
                stderr=log_file,
                # Threads that wait sleep: on a busy machine spinning ones take the processor from those that work.
                env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
            )
        process.stdin.write(json.dumps(attrs.asdict(config)).encode() + b"\n")
        process.stdin.flush()
        log.info("worker %s started as process %d", name, process.pid)
        self._workers[name] = WorkerProcess(name, device, process, time.monotonic())

    def _bound_log(self) -> None:
        """Once the log is large it is kept as the one before, and emptied: workers have it open, and append."""
        with contextlib.suppress(OSError):  # there is none yet; or what workers write cannot be cut on this system
            if self._log.stat().st_size > MAX_LOG_BYTES:
                shutil.copyfile(self._log, self._log.with_name("worker.log.1"))
                os.truncate(self._log, 0)

    def _send(self, worker: WorkerProcess, parts: list[Any]) -> None:
        try:
            self.socket.send_multipart([worker.name.encode(), *parts], copy=False)
        except zmq.ZMQError as error:  # it is gone; reap() will say so
            log.warning("worker %s cannot be reached: %s", worker.name, error)
            worker.process.kill()
