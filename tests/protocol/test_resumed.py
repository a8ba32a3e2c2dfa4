"""A long shot whose worker or server dies goes on after its last finished window: real processes, a real engine."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from protocol.real_backend import PYTHONPATH, wait_for
from tiny_pipelines import save_wan_vace

from dollygrip.client import TERMINAL, Client, FrameReady
from dollygrip.connection import CONNECTION_FILE, read_connection
from dollygrip.protocol import Done, RenderRequest, TrajectoryHeader

FRAMES = 30  # windows begin at 0, 8 and 16; the second ends at 25
SIZE = (128, 80)


class Counted:
    """`dollygrip serve` with the engine of counted_engine.py."""

    def __init__(self, folder: Path):
        self.state, self.log, self.wait = folder / "state", folder / "windows", folder / "wait"
        point = folder / "counted_engine-1.0.dist-info"
        point.mkdir()
        (point / "METADATA").write_text("Metadata-Version: 2.1\nName: counted-engine\nVersion: 1.0\n")
        (point / "entry_points.txt").write_text("[dollygrip.engines]\ncounted = counted_engine:CountedEngine\n")
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(folder), PYTHONPATH]),
            "OMP_NUM_THREADS": "1",
            "DOLLYGRIP_TEST_WINDOWS": str(self.log),
            "DOLLYGRIP_TEST_WAIT": str(self.wait),
            "DOLLYGRIP_TEST_PIPELINE": str(save_wan_vace(folder / "pipeline")),
        }
        self.start()

    def start(self):
        (self.state / CONNECTION_FILE).unlink(missing_ok=True)
        command = [Path(sys.executable).with_name("dollygrip"), "serve", "--state", self.state]
        self.server = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)
        wait_for((self.state / CONNECTION_FILE).exists, 60)

    def client(self):
        return Client.connect(read_connection(self.state))

    def worker(self):
        (pid,) = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()
        return int(pid)

    def windows(self):
        """The first frames of the windows that were computed since the last call."""
        lines = self.log.read_text().split()
        self.log.write_text("")
        return [int(line) for line in lines]


@pytest.fixture
def counted(tmp_path):
    counted = Counted(tmp_path)
    yield counted
    counted.server.kill()
    counted.server.wait(20)


def shot():
    c2w = np.tile(np.eye(4), (FRAMES, 1, 1))
    c2w[:, 0, 3] = np.linspace(0, 2, FRAMES)
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    arrays = {
        "image": np.stack([x, y * 2, (x * 7 + y * 13) % 200], -1).astype(np.uint8),
        "depth": np.full(SIZE[::-1], 5.0, np.float32),
        "c2w": c2w,
        "intrinsics": np.tile([110.0, 110, 64, 40], (FRAMES, 1)),
    }
    return RenderRequest(
        prompt="a room", trajectory=TrajectoryHeader(fps=24.0, size=SIZE), engine="counted", size=SIZE
    ), arrays


def frames(client, job, until):
    """Frames of a job by number until there are so many, or, with the job's ending, until it ends."""
    got = {}
    while len(got) < until:
        event = client.poll(300.0)
        assert event is not None, "the backend is silent"
        if isinstance(event, FrameReady):
            assert event.index not in got
            got[event.index] = event.rgb
        elif isinstance(event, TERMINAL):
            return got, event
    return got, None


@pytest.mark.parametrize("victim", ["worker", "server"])
def test_finished_windows_are_not_computed_again(counted, victim):
    with counted.client() as client:
        job = client.submit(*shot())
        client.credit(job, 100)
        whole, ending = frames(client, job, FRAMES + 1)
        assert isinstance(ending, Done) and list(whole) == list(range(FRAMES))
        assert counted.windows() == [0, 8, 16]

        counted.wait.touch()
        job = client.submit(*shot())
        client.credit(job, 100)
        made, _ = frames(client, job, 25)
        wait_for(lambda: counted.log.read_text().split() == ["0", "8", "16"])
        counted.windows()
        os.kill(counted.worker() if victim == "worker" else counted.server.pid, signal.SIGKILL)
        counted.wait.unlink()
        if victim == "worker":
            rest, again = frames(client, job, FRAMES)
    if victim == "server":
        counted.server.wait(20)
        counted.start()
        with counted.client() as client:
            client.attach(job, len(made))
            client.credit(job, 100)
            rest, again = frames(client, job, FRAMES)

    assert counted.windows() == [16], "one window was not finished"
    assert isinstance(again, Done)
    assert {**again.summary, "seconds": 0} == {**ending.summary, "seconds": 0}
    assert list(rest) == list(range(25, FRAMES))
    assert all(np.array_equal(frame, whole[number]) for number, frame in (made | rest).items())
