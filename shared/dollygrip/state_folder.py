"""Where Dollygrip keeps what is no one else's, and how its files there are written."""

import os
from pathlib import Path

import platformdirs

from dollygrip.whole import whole


def state_dir() -> Path:
    """The folder of the connection file, keys, jobs and settings: $DOLLYGRIP_HOME, else the user's state folder."""
    home = os.environ.get("DOLLYGRIP_HOME")
    return Path(home) if home else Path(platformdirs.user_state_dir("dollygrip", appauthor=False))


def private_dir(folder: Path) -> Path:
    """Create the folder if need be, open to its user alone (0700; Windows' profile folders are so already).

    One that is there may be the user's own, and stays as open as it is.
    """
    folder.mkdir(0o700, parents=True, exist_ok=True)
    return folder


def write_private(path: Path, text: str) -> None:
    """Write a file that its user alone can read (0600), whole or not at all."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with whole(path) as part, os.fdopen(os.open(part, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
