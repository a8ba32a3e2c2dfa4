"""A runner whose results are known in advance, in place of the models: everything else in these tests is real.

The prompt is the script: words of the form key=value.
    sleep=S   seconds before each result            die=K   end the process at result K, as a crash does
    fail=K    raise InputError at result K          bug=K   raise an unexpected error at result K
    once=FILE make `die` happen only if FILE does not exist, and create it
    deaf=S    seconds in which nothing is reported
"""

import os
import signal
import time
from pathlib import Path

import numpy as np

from dollygrip.errors import InputError
from dollygrip.protocol import PredictRequest
from dollygrip.trajectory import Trajectory


class Runner:
    def __init__(self, device):
        self.device = device

    def run(self, request, arrays, report, have=0):
        script = dict(word.split("=", 1) for word in request.prompt.split() if "=" in word)
        predict = isinstance(request, PredictRequest)
        total = request.takes if predict else len(arrays["c2w"])
        time.sleep(float(script.get("deaf", 0)))
        for index in range(total):
            report("camera" if predict else "frames", index, total)
            time.sleep(float(script.get("sleep", 0)))
            self._mishap(script, index)
            if index >= have:
                yield take(request, index) if predict else frame(request.size, index)
        return {"results": total, "pid": os.getpid(), "had": have}

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


def frame(size, index):
    width, height = size
    return np.full((height, width, 3), index % 256, np.uint8)
