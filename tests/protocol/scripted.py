"""A runner whose results are known in advance, in place of the models: everything else in these tests is real.

The prompt is the script: words of the form key=value.
    sleep=S   seconds before each result            die=K   end the process at result K, as a crash does
    fail=K    raise InputError at result K          bug=K   raise an unexpected error at result K
    once=FILE make `die` happen only if FILE does not exist, and create it
    deaf=S    seconds in which nothing is reported
    until=FILE  no result before FILE exists, or half a minute is over
Depth, which has no prompt, is a floor below a wall at the scene depth, the left half of the wall at half of it.
"""

import os
import signal
import time
from pathlib import Path

import attrs
import numpy as np

from dollygrip.errors import InputError
from dollygrip.protocol import DepthRequest, LookRequest, PredictRequest
from dollygrip.trajectory import Trajectory
from dollygrip_backend.workers.runner import DepthMap


class Runner:
    def __init__(self, device, director=""):
        self.device, self.director = device, director

    def run(self, request, arrays, report, finished=()):
        have = len(finished)
        if isinstance(request, DepthRequest):
            if not have:
                yield DepthMap(hall(request.scene_depth or 1.0), 50.0)
            return {"pid": os.getpid(), "had": have}
        if isinstance(request, LookRequest):
            return {"pid": os.getpid()}
        script = dict(word.split("=", 1) for word in request.prompt.split() if "=" in word)
        predict = isinstance(request, PredictRequest)
        total = request.takes if predict else len(arrays["c2w"])
        time.sleep(float(script.get("deaf", 0)))
        for index in range(total):
            report("camera" if predict else "frames", index, total)
            time.sleep(float(script.get("sleep", 0)))
            self._wait_for(script.get("until"))
            self._mishap(script, index)
            if index >= have:
                yield self.take(request, index) if predict else frame(request.size, index)
        return {"results": total, "pid": os.getpid(), "had": have}

    def take(self, request, index):
        """Scripted; a director turns every prompt into the same move."""
        if not request.direct:
            return take(request, index)
        direction = {"model": self.director, "asked": request.prompt, "prompt": "slowly dolly out", "said": "{}"}
        made = take(request, index)
        return attrs.evolve(made, meta=made.meta | {"director": direction})

    def _wait_for(self, file):
        deadline = time.monotonic() + 30
        while file and not Path(file).exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def _mishap(self, script, index):
        if script.get("fail") == str(index):
            raise InputError("The scripted job fails.", "Use another script.")
        if script.get("bug") == str(index):
            raise ZeroDivisionError("scripted")
        once = Path(script["once"]) if "once" in script else None
        if script.get("die") == str(index) and not (once and once.exists()):
            if once:
                once.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def take(request, index):
    c2w = np.tile(np.eye(4), (request.frames, 1, 1))
    c2w[:, 0, 3] = np.linspace(0, index + 1, request.frames)
    width, height = request.size
    intrinsics = np.tile([width, width, width / 2, height / 2], (request.frames, 1))
    return Trajectory(c2w, intrinsics, request.size, request.fps, 1.0, {"prompt": request.prompt, "seed": request.seed})


def hall(far, size=(96, 54)):
    """float32 (h, w): see the module's docstring; the floor meets the wall two thirds down."""
    width, height = size
    rows = np.arange(height, dtype=np.float32)[:, None] + 0.5
    depth = np.minimum(far, far * (height / 6) / np.maximum(rows - height / 2, 0.5)) * np.ones(width, np.float32)
    depth[:, : width // 2] = np.minimum(depth[:, : width // 2], far / 2)
    return depth.astype(np.float32)


def frame(size, index):
    width, height = size
    return np.full((height, width, 3), index % 256, np.uint8)
