"""The whole backend as shipped: `dollygrip serve`, its real workers and models, from prompt to frames."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from protocol.real_backend import wait_for

from dollygrip.client import Client, FrameReady, TakeReady
from dollygrip.connection import CONNECTION_FILE, read_connection
from dollygrip.protocol import Done, PredictRequest, RenderRequest, TrajectoryHeader


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_from_prompt_to_frames_through_a_crash(tmp_path):
    program = Path(sys.executable).with_name("dollygrip")
    server = subprocess.Popen([program, "serve", "--state", tmp_path], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: (tmp_path / CONNECTION_FILE).exists())
        with Client.connect(read_connection(tmp_path)) as client:
            predict_and_render_twice(client, server.pid)
    finally:
        server.terminate()
        server.wait(20)


def predict_and_render_twice(client, server_pid):
    y, x = np.mgrid[0:72, 0:128]
    image = np.uint8(np.stack([x, y * 2, (x * 7 + y * 13) % 200], -1))
    request = PredictRequest(prompt="pan right", frames=6, seed=2)
    (take,) = [e.trajectory for e in client.run(request, {"image": image}) if isinstance(e, TakeReady)]
    assert len(take) == 6 and take.size == (128, 72)
    assert take.rotations[-1][0, 2] > 0  # the view has turned to the right

    arrays = {"image": image, "c2w": take.c2w, "intrinsics": take.intrinsics}
    shot = RenderRequest(prompt="", trajectory=TrajectoryHeader.of(take), size=(128, 72), seed=5)
    whole = [event.rgb for event in client.run(shot, arrays) if isinstance(event, FrameReady)]
    assert len(whole) == 6 and whole[0].shape == (72, 128, 3)

    job = client.submit(shot, arrays)
    client.credit(job, 100)
    resumed = {}
    killed = False
    deadline = time.monotonic() + 300
    while True:
        assert time.monotonic() < deadline
        event = client.poll(1.0)
        if isinstance(event, FrameReady):
            assert event.index not in resumed
            resumed[event.index] = event.rgb
        if len(resumed) == 2 and not killed:
            (worker,) = children(server_pid)
            os.kill(worker, signal.SIGKILL)
            killed = True
        if isinstance(event, Done):
            break
    assert list(resumed) == list(range(6))
    assert all(np.array_equal(resumed[k], whole[k]) for k in range(6))
