"""Real server processes, and requests to send them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from dollygrip.client import TERMINAL, Client
from dollygrip.connection import CONNECTION_FILE, read_connection
from dollygrip.protocol import PredictRequest, RenderRequest, TrajectoryHeader

HERE = Path(__file__).parent
PYTHONPATH = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])


class Backend:
    """A server process on a state folder, started and ended as a test likes."""

    def __init__(self, state, idle_s=600.0, director="", runner="scripted:Runner"):
        self.state, self.options, self.process = state, (str(idle_s), director, runner), None

    def start(self, port=0):
        (self.state / CONNECTION_FILE).unlink(missing_ok=True)
        environment = os.environ | {"PYTHONPATH": PYTHONPATH, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(HERE / "serve.py"), str(self.state), str(port), *self.options]
        self.process = subprocess.Popen(command, env=environment)
        wait_for(lambda: (self.state / CONNECTION_FILE).exists() or self.process.poll() is not None)
        return self.connection

    @property
    def connection(self):
        return read_connection(self.state)

    def client(self):
        return Client.connect(self.connection)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()


def wait_for(condition, timeout=20.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def image(width=32, height=20):
    return np.arange(width * height * 3, dtype=np.uint8).reshape(height, width, 3)


def predict(prompt="go", **options):
    return PredictRequest(prompt=prompt, frames=5, **options), {"image": image()}


def render(prompt="go", frames=12, size=(64, 64), **options):
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    intrinsics = np.tile([64.0, 64.0, 32.0, 32.0], (frames, 1))
    header = TrajectoryHeader(fps=24.0, size=(64, 64))
    request = RenderRequest(prompt=prompt, trajectory=header, engine="embedded", size=size, **options)
    return request, {"image": image(64, 64), "c2w": c2w, "intrinsics": intrinsics}


def until_end(client, job_id):
    """All events of a job up to its terminal one."""
    events, deadline = [], time.monotonic() + 30
    while not (events and isinstance(events[-1], TERMINAL)):
        assert time.monotonic() < deadline, events
        event = client.poll(1.0)
        if event is not None and event.job_id == job_id:
            events.append(event)
    return events
