"""The worker process: takes jobs from the server over an encrypted loopback socket, does them one at a time.

Its first line of standard input is a WorkerConfig as JSON. When standard input ends, the server is gone or wants the
memory back, and the process ends at once.
"""

import importlib
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import zmq

from dollygrip import protocol
from dollygrip.achieved import AchievedCamera
from dollygrip.errors import DollygripError
from dollygrip.trajectory import Trajectory
from dollygrip_backend.garbage import collect_seldom
from dollygrip_backend.stored import job_folder, read_request
from dollygrip_backend.threads import wait_asleep
from dollygrip_backend.workers.finished import FinishedResults
from dollygrip_backend.workers.runner import CancelledError, DepthMap

DEFAULT_RUNNER = "dollygrip_backend.workers.runner:Runner"
_REPORT_EVERY_S = 0.05
log = logging.getLogger("dollygrip.worker")


@attrs.frozen
class WorkerConfig:
    """How a worker reaches its server: address, CURVE keys, its name there; and what it runs, on which device.

    state: the server's state folder, where what a job is asked is read, and what it has made already. director: of the
    runner, see there.
    """

    endpoint: str
    server_public: str
    public: str
    secret: str
    name: str
    device: str
    state: str
    runner: str = DEFAULT_RUNNER
    director: str = ""


class Worker:
    """One socket to the server, one runner."""

    def __init__(self, config: WorkerConfig):
        self._config = config
        self._runner: Any = None
        self._job_id = ""
        self._cancelled = False
        self._reported = (0.0, "")
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.identity = config.name.encode()
        self._socket.curve_serverkey = config.server_public.encode()
        self._socket.curve_publickey = config.public.encode()
        self._socket.curve_secretkey = config.secret.encode()
        self._socket.connect(config.endpoint)

    def serve(self) -> None:
        """Take jobs for ever."""
        self._send(protocol.Ready(self._config.device))
        while True:
            message = self._receive()
            if isinstance(message, protocol.Run):
                self._send(self._do(message))

    def _do(self, run: protocol.Run) -> protocol.Message:
        """Run one job, send its results as they come, return its terminal message."""
        self._job_id, self._cancelled, self._reported = run.job_id, False, (0.0, "")
        try:
            if self._runner is None:
                module, _, name = self._config.runner.partition(":")
                runner = getattr(importlib.import_module(module), name)
                self._runner = runner(self._config.device, self._config.director)
            return self._results(run)
        except CancelledError:
            return protocol.Cancelled(run.job_id)
        except DollygripError as error:
            return protocol.Failed(run.job_id, error.kind, error.message, error.hint)
        except MemoryError:
            hint = "Use a smaller size or fewer frames, or close other programs."
            return protocol.Failed(run.job_id, "memory", "There is not enough memory for this job.", hint)
        except Exception as error:  # whatever it is, the job must end and the worker live on
            log.exception("job %s", run.job_id)
            if type(error).__name__ == "OutOfMemoryError":  # torch's own, named so that torch need not be imported
                hint = "Use a smaller size or fewer frames, or close other programs that use the card."
                return protocol.Failed(run.job_id, "memory", "There is not enough graphics memory for this job.", hint)
            what = f"{type(error).__name__}: {error}"[:500]
            hint = "The backend's log has the details; please report this."
            return protocol.Failed(run.job_id, "internal", f"The job failed unexpectedly ({what}).", hint)

    def _results(self, run: protocol.Run) -> protocol.Done:
        state = Path(self._config.state)
        request, arrays = _asked(state, run.job_id)
        finished = FinishedResults(job_folder(state, run.job_id), run.have)
        results, index = self._runner.run(request, arrays, self._report, finished), run.have
        while True:
            try:
                result = next(results)
            except StopIteration as stop:
                return protocol.Done(run.job_id, stop.value or {})
            if isinstance(result, Trajectory):
                header = protocol.TrajectoryHeader.of(result)
                take = protocol.Take(header, run.job_id, index)
                self._send(take, {"c2w": result.c2w, "intrinsics": result.intrinsics})
            elif isinstance(result, DepthMap):
                self._send(protocol.Depth(result.view_degrees, run.job_id, index), {"depth": result.depth})
            elif isinstance(result, AchievedCamera):
                values = attrs.asdict(result)
                blobs = {name: values.pop(name) for name in ("c2w", "rotation", "position")}
                self._send(protocol.Achieved(**values, job_id=run.job_id, index=index), blobs)
            else:
                self._send(protocol.Frame(run.job_id, index), {"rgb": result})
            index += 1

    def _report(self, stage: str, done: int, total: int) -> None:
        """Tell the server, at most twenty times a second of one stage; raise Cancel if it has asked for that."""
        while self._socket.poll(0):
            message = self._receive()
            if isinstance(message, protocol.Cancel) and message.job_id == self._job_id:
                self._cancelled = True
        if self._cancelled:
            raise CancelledError
        last, last_stage = self._reported
        now = time.monotonic()
        if stage != last_stage or done == total or now - last >= _REPORT_EVERY_S:
            self._reported = (now, stage)
            self._send(protocol.Progress(self._job_id, stage, done, total))

    def _receive(self) -> protocol.Message:
        return protocol.decode([part.buffer for part in self._socket.recv_multipart(copy=False)])[0]

    def _send(self, message: protocol.Message, arrays: dict[str, np.ndarray] | None = None) -> None:
        self._socket.send_multipart(protocol.encode(message, arrays), copy=arrays is None)


def _asked(state: Path, job_id: str) -> tuple[protocol.Request, dict[str, np.ndarray]]:
    """What a job is asked, in memory of its own; raises DollygripError, kind "storage", where it cannot be read."""
    try:
        request, arrays = read_request(state, job_id)
    except (OSError, ValueError) as error:
        hint = "Check the disk that holds the state folder, and submit the job again."
        raise DollygripError(f"The job's files cannot be read: {error}.", hint, "storage") from error
    return request, {name: array.copy() for name, array in arrays.items()}  # torch wants memory that it may write to


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)  # from a thread, whatever the main thread computes


def main() -> None:
    """Entry point of `python -m dollygrip_backend.workers.main`."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's business
    collect_seldom()
    wait_asleep()
    config = WorkerConfig(**json.loads(sys.stdin.buffer.readline()))
    if hasattr(os, "nice"):
        os.nice(10)  # Blender and the server go first
    threading.Thread(target=_end_with_input, daemon=True).start()
    Worker(config).serve()


if __name__ == "__main__":
    main()
