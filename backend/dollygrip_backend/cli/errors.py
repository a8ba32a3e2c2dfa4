"""How commands end: 0 well, 2 for a wrong input, 1 for any other expected failure, 130 interrupted; no tracebacks."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer
from safetensors import SafetensorError

from dollygrip.errors import DollygripError, InputError

P = ParamSpec("P")
R = TypeVar("R")


def reported(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a command: expected errors become one sentence on stderr and the exit code."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except DollygripError as error:
            print(f"Error: {error}", file=sys.stderr)
            raise typer.Exit(2 if isinstance(error, InputError) else 1) from error
        except (OSError, SafetensorError) as error:  # a full disk, a folder without permission
            print(f"Error: {error}", file=sys.stderr)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            print("Interrupted; nothing unfinished was left behind.", file=sys.stderr)
            raise typer.Exit(130) from None

    return wrapped
