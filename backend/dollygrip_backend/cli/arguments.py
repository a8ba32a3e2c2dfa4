"""Words of the command line that become values."""

from dollygrip.errors import InputError


def size_of(text: str | None) -> tuple[int, int] | None:
    """(width, height) of "640x360"; raises InputError for anything else."""
    if text is None:
        return None
    width, x, height = text.lower().partition("x")
    if not (x and width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise InputError(f"The size {text!r} is not WIDTHxHEIGHT.", "Write it like 640x360.")
    return int(width), int(height)
