"""`dollygrip serve` and `dollygrip stop`."""

import contextlib
import logging
import logging.handlers
import os
import signal
import sys
import time
from pathlib import Path

from dollygrip.connection import CONNECTION_FILE, BackendError, read_connection
from dollygrip.state_folder import private_dir, state_dir
from dollygrip_backend.endings import endings
from dollygrip_backend.server.server import AlreadyRunningError, Server, is_served

STOP_TIMEOUT_S = 30.0


def serve(state: Path | None, host: str, port: int, idle_s: float, director: str) -> None:
    """Serve until interrupted or terminated. Where a server runs on this state folder already, say so and return."""
    folder = state or state_dir()
    try:
        private_dir(folder)
        log_file = logging.handlers.RotatingFileHandler(folder / "server.log", maxBytes=2**20, backupCount=2)
        log_file.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[log_file])
        server = Server(folder, host, port, idle_s=idle_s, director=director)
    except AlreadyRunningError as running:
        print(running)
        return
    except OSError as error:
        hint = "Check its permissions and the free space of the disk, or choose another by --state or DOLLYGRIP_HOME."
        raise BackendError(f"The state folder {folder} cannot be used: {error}.", hint, "storage") from error
    for number in endings():
        signal.signal(number, lambda *_: server.stop())
    logging.info("listening on %s", server.connection.endpoint)
    print(f"Listening on {server.connection.endpoint}, state in {folder}", flush=True)
    server.run()
    print("Stopped. Unfinished jobs go on at the next start.", file=sys.stderr)


def stop(state: Path | None) -> None:
    """End the server of this state folder and wait until it has let go of it. Where none runs, say so and return."""
    folder = state or state_dir()
    connection = read_connection(folder) if (folder / CONNECTION_FILE).exists() else None
    if connection and connection.remote:
        message = f"The backend at {connection.endpoint} is a remote one."
        raise BackendError(message, "Run `dollygrip stop` on its machine.", "remote")
    if not connection or not is_served(folder):  # one that broke off leaves its file, and its process id to others
        print(f"No backend is running on {folder}.")
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(connection.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while is_served(folder):
        if time.monotonic() > deadline:
            message = f"The backend (process {connection.pid}) does not end within {STOP_TIMEOUT_S:g} s."
            raise BackendError(message, "End that process by the system's own means.")
        time.sleep(0.05)
    print("Stopped. Unfinished jobs go on at the next start.")
