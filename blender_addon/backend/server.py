"""Reach the backend, starting it where none runs. Runs on the client thread and knows nothing of bpy."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from dollygrip.client import Client
from dollygrip.connection import CONNECTION_FILE, BackendError, backend_command, read_connection
from dollygrip.state_folder import private_dir, state_dir

START_TIMEOUT = 60.0
LOG_FILE = "extension_started_backend.log"


def connect(executable: str | None, starting: Callable[[], None], stopped: Callable[[], bool]) -> Client:
    """A client of the running backend, or of one that is started now and left running when Blender ends.

    executable: path of the `dollygrip` executable, "" finds it by dollygrip.connection, None starts none. `starting` is
    called before a start, `stopped` asked while waiting. Raises BackendError where there is no backend or it does not
    come up; none is started in the place of a remote one.
    """
    connection = None
    try:
        connection = read_connection()
        return Client.connect(connection)
    except BackendError as error:
        if error.kind != "unreachable" or executable is None:
            raise
        if connection is not None and connection.remote:
            raise BackendError(
                f"The remote backend at {connection.endpoint} does not answer.",
                f"Check that it runs, and the network; or delete {state_dir() / CONNECTION_FILE} to use one here.",
                "unreachable",
            ) from error
    if stopped():
        raise _cancelled()
    starting()
    log = _own_folder() / LOG_FILE
    process = _spawn([executable] if executable else backend_command(), log)
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and not stopped():
        try:
            return Client.connect(read_connection(), timeout=1.0)
        except BackendError as error:
            if error.kind != "unreachable":
                raise
        if process.poll() not in (None, 0):
            break
        time.sleep(0.1)
    if stopped():
        raise _cancelled()
    ended = process.poll()
    what = f"ended with code {ended}" if ended else f"did not answer within {START_TIMEOUT:g} s"
    said = f" It said: {last}" if (last := _last_line(log)) else ""
    raise BackendError(f"The backend {what}.{said}", f"Its log is {log}.", "unreachable")


def _cancelled() -> BackendError:
    return BackendError("The start of the backend was cancelled.", kind="cancelled")


def _own_folder() -> Path:
    folder = state_dir()
    try:
        return private_dir(folder)
    except OSError as error:
        raise BackendError(
            f"The backend's folder {folder} cannot be written: {error.strerror}.",
            "Check its permissions, or name another folder by DOLLYGRIP_HOME before Blender starts.",
            "storage",
        ) from error


def _spawn(command: list[str], log: Path) -> subprocess.Popen:
    """Start the server detached, free of the Python settings that Blender's process may carry."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PYTHONPATH")}
    if os.name == "nt":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    else:
        detached = {"start_new_session": True}
    try:
        with log.open("wb") as output:
            return subprocess.Popen(
                [*command, "serve"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                **detached,
            )
    except OSError as error:
        raise BackendError(
            f"The backend {command[0]} cannot be started: {error.strerror}.",
            "Name the `dollygrip` executable in the preferences of the extension.",
            "missing",
        ) from error


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines() if log.is_file() else []
    return lines[-1].strip() if lines else ""
