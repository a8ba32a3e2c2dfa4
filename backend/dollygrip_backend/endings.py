"""The signals by which a process is asked to end."""

import signal


def endings() -> list[signal.Signals]:
    """Ctrl-C, being told to end, and a terminal that is closed, where there is that and `nohup` does not ignore it."""
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    return [signal.SIGINT, signal.SIGTERM, *([hangup] if hangup and signal.getsignal(hangup) != signal.SIG_IGN else [])]
