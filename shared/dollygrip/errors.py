"""Errors that an animator reads: one sentence that says what is wrong and where, and a hint that says what to do."""


class DollygripError(Exception):
    """An expected failure. `kind` is stable and machine readable; `hint` is the way out, or empty.

    The same three fields cross the wire in `protocol.Failed`, so an error reads alike on both sides.
    """

    kind = "error"

    def __init__(self, message: str, hint: str = "", kind: str | None = None):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.kind = kind or type(self).kind

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(DollygripError, ValueError):
    """The request itself is wrong: a missing image, an empty prompt, a length out of bounds."""

    kind = "input"


class TrajectoryError(InputError):
    """A trajectory or a camera file breaks its own convention."""

    kind = "trajectory"
