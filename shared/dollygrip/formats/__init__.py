"""Camera files. `read` recognises a format by its content, `write` by the file's name.

A format is one module with one Format in FORMATS; parsing and printing are pure functions of text.
"""

import os
from pathlib import Path

from dollygrip.errors import DollygripError, InputError, TrajectoryError
from dollygrip.formats.format import Format
from dollygrip.formats.native import NATIVE
from dollygrip.formats.re10k import RE10K
from dollygrip.trajectory import Trajectory

__all__ = ["FORMATS", "NATIVE", "RE10K", "Format", "format_of_name", "read", "write"]

FORMATS: tuple[Format, ...] = (NATIVE, RE10K)
MAX_BYTES = 256 * 2**20


def read(path: Path | str) -> Trajectory:
    """Read a camera file. Raises InputError, naming the file and the line or frame, for all that is wrong with it."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path.name} is larger than {MAX_BYTES >> 20} MB.", "Give a camera file.")
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.", "Check the path.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is no camera file: it is not text.", _known()) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error
    found = next((form for form in FORMATS if form.recognises(text)), None)
    if found is None:
        raise InputError(f"{path.name} has none of the known camera formats.", _known())
    try:
        return found.parse(text)
    except DollygripError as error:
        raise TrajectoryError(f"{path.name}: {error.message}", error.hint) from error


def write(path: Path | str, trajectory: Trajectory) -> None:
    """Write a camera file in the format that its name asks for, whole or not at all."""
    path = Path(path)
    form = format_of_name(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    text = form.print(trajectory)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(text, "utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error


def format_of_name(path: Path) -> Format:
    """The format that a file of this name is written in; raises InputError where the name tells none."""
    form = next((form for form in FORMATS if path.name.lower().endswith(form.suffixes)), None)
    if form is None:
        raise InputError(f"The name {path.name} does not tell a camera format.", _known())
    return form


def _known() -> str:
    return "Known are: " + ", ".join(f"{form.title} ({' '.join(form.suffixes)})" for form in FORMATS) + "."
