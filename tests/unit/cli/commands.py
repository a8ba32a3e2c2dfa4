"""What tests of the command line share: to run a command, to press Ctrl-C, to see what is there."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from typer.testing import CliRunner

from dollygrip_backend.cli.main import app

PROGRAM = Path(sys.executable).with_name("dollygrip")


def dollygrip(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def names(folder="."):
    return sorted(path.name for path in Path(folder).iterdir())


def refused(result, *words, code=2):
    """One sentence on stderr, no traceback, and the exit code."""
    assert result.exit_code == code, result.output
    assert all(word in result.stderr for word in words), result.stderr
    assert "Traceback" not in result.stderr and not isinstance(result.exception, Exception)


def interrupt(command, begun, timeout=60, by=signal.SIGINT):
    """Start a command, press Ctrl-C as soon as `begun()`, or send another signal; return it ended."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(by, signal.SIG_DFL),  # what starts in the background ignores some
    )
    deadline = time.monotonic() + timeout
    while not begun():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(by)
    _, process.said = process.communicate(timeout=30)
    return process
