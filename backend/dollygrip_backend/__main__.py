"""The command `dollygrip`, also as `python -m dollygrip_backend`."""

import signal
import sys

from dollygrip_backend.endings import endings
from dollygrip_backend.garbage import collect_seldom
from dollygrip_backend.threads import wait_asleep


def run() -> None:
    """Run the command line. Ctrl-C while it still loads ends it quietly, too; to be told to end is like Ctrl-C."""
    collect_seldom()
    wait_asleep()
    try:
        for number in set(endings()) - {signal.SIGINT}:
            signal.signal(number, signal.default_int_handler)
        from dollygrip_backend.cli.main import app  # a part of a second

        app()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    run()
