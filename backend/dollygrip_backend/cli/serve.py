"""`dollygrip serve`."""

import logging
import logging.handlers
import signal
import sys
from pathlib import Path

from dollygrip.connection import BackendError
from dollygrip.state_folder import private_dir, state_dir
from dollygrip_backend.server.server import AlreadyRunningError, Server


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
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    logging.info("listening on %s", server.connection.endpoint)
    print(f"Listening on {server.connection.endpoint}, state in {folder}", flush=True)
    server.run()
    print("Stopped. Unfinished jobs go on at the next start.", file=sys.stderr)
