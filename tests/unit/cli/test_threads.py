"""How PyTorch's threads wait in the processes that compute, as the OpenMP library that torch has loaded tells it."""

import json
import os
import re
import subprocess
import sys

import attrs
import pytest
from unit.cli.commands import PROGRAM

from dollygrip_backend.workers.main import WorkerConfig

_LOADING = """
import os
from types import SimpleNamespace
from dollygrip_backend.workers import main
main.Worker = lambda config: SimpleNamespace(serve=lambda: __import__("torch") and os._exit(0))
main.main()
"""


def _waits_asleep(said: str) -> bool:
    spins = re.search(r"GOMP_SPINCOUNT = '(\w+)'", said)
    if not spins:
        pytest.skip("torch has another OpenMP library than GNU's, which does not tell for how long threads spin")
    return spins[1] == "0"


def _without_policy() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    return kept | {"OMP_DISPLAY_ENV": "verbose"}


def test_commands_wait_asleep_unless_they_are_told_otherwise(here):
    command = [PROGRAM, "predict", "image.png", "truck left", "--frames", "3", "--out", "take.camera.json"]
    for policy, asleep in ({}, True), ({"OMP_WAIT_POLICY": "ACTIVE"}, False):
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=_without_policy() | policy)
        assert _waits_asleep(done.stderr) == asleep


def test_the_worker_waits_asleep():
    config = WorkerConfig("tcp://127.0.0.1:1", "", "", "", "worker", "cpu", ".")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", _LOADING], env=_without_policy(), **pipes) as worker:
        worker.stdin.write(json.dumps(attrs.asdict(config)) + "\n")
        worker.stdin.flush()
        assert worker.wait(120) == 0
        assert _waits_asleep(worker.stderr.read())
