"""`python serve.py STATE PORT IDLE_SECONDS [DIRECTOR [RUNNER]]`: the real server, its workers with the scripted runner
or another one."""

import sys
from pathlib import Path

from dollygrip_backend.server.server import Server

if __name__ == "__main__":
    state, port, idle, director, runner = sys.argv[1:] + ["", "scripted:Runner"][len(sys.argv) - 4 :]
    Server(Path(state), port=int(port), runner=runner, idle_s=float(idle), director=director).run()
