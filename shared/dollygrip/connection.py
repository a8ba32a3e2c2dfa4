"""Where a backend can be reached: the connection file, as Jupyter writes one, and the command that starts a backend."""

import json
import os
import shutil
import sys
from pathlib import Path

import attrs
from cattrs import BaseValidationError, Converter

from dollygrip.errors import DollygripError
from dollygrip.state_folder import private_dir, state_dir, write_private

CONNECTION_FILE = "connection.json"
COMMAND_FILE = "backend.json"


class BackendError(DollygripError):
    """The backend cannot do it. `kind` says which way: unreachable, refused, version, lost, worker, input, …"""

    kind = "backend"


@attrs.frozen
class Connection:
    """All that a client needs: the ZeroMQ endpoint and the CURVE keys (Z85, 40 characters) of both sides.

    pid: process of a local server, 0 for a remote one.
    """

    endpoint: str
    server_public: str
    client_public: str
    client_secret: str = attrs.field(repr=False)
    pid: int = attrs.field(default=0, validator=attrs.validators.ge(0))  # a negative one names a group of processes

    @property
    def remote(self) -> bool:
        return self.pid == 0


def write_connection(connection: Connection, folder: Path | None = None) -> Path:
    """Write the connection file into the state folder and return its path."""
    path = private_dir(folder or state_dir()) / CONNECTION_FILE
    write_private(path, json.dumps(attrs.asdict(connection), indent=1))
    return path


def read_connection(folder: Path | None = None) -> Connection:
    """Read the connection file; raises BackendError (kind "unreachable") where there is none or it is no such file."""
    path = (folder or state_dir()) / CONNECTION_FILE
    try:
        return Converter(forbid_extra_keys=True).structure(json.loads(path.read_text("utf-8")), Connection)
    except FileNotFoundError:
        raise BackendError(
            "No Dollygrip backend is running.", "Start it, or run `dollygrip serve`.", "unreachable"
        ) from None
    except (OSError, ValueError, AttributeError, BaseValidationError) as error:
        raise BackendError(
            f"The connection file {path} cannot be read.", "Delete it and start the backend again.", "unreachable"
        ) from error


def backend_command() -> list[str]:
    """The command line of the `dollygrip` executable.

    $DOLLYGRIP_BACKEND names it; else the file backend.json in the state folder, {"command": [...]}, which setting up
    the backend leaves there. Raises BackendError (kind "missing") where neither leads to an executable.
    """
    named = os.environ.get("DOLLYGRIP_BACKEND")
    command = [named] if named else _recorded_command()
    if not command or not shutil.which(command[0]):
        where = f"was not found at {command[0]}" if command else "is not set up on this computer"
        raise BackendError(
            f"Dollygrip's backend, a program beside Blender that does the work, {where}.",
            "Press Set Up Backend, in the Camera panel or in Preferences > Add-ons > Dollygrip. Where there is "
            "a backend already, name its `dollygrip` executable in these preferences.",
            "missing",
        )
    return command


def record_backend_command(command: list[str] | None = None) -> Path:
    """Leave the command of this environment's `dollygrip` where `backend_command` finds it."""
    if command is None:
        name = "dollygrip.exe" if sys.platform == "win32" else "dollygrip"
        command = [str(Path(sys.executable).parent / name)]
    path = private_dir(state_dir()) / COMMAND_FILE
    write_private(path, json.dumps({"command": command}))
    return path


def _recorded_command() -> list[str]:
    path = state_dir() / COMMAND_FILE
    try:
        command = json.loads(path.read_text("utf-8"))["command"]
        return [str(part) for part in command] if isinstance(command, list) else []
    except (OSError, ValueError, KeyError, TypeError):
        return []
