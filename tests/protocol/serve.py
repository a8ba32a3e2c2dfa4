"""`python serve.py STATE PORT IDLE_SECONDS [DIRECTOR]`: the real server, its workers with the scripted runner."""

import sys
from pathlib import Path

from dollygrip_backend.server.server import Server

if __name__ == "__main__":
    state, port, idle, *director = sys.argv[1:]
    options = {"idle_s": float(idle), "director": "".join(director)}
    Server(Path(state), port=int(port), runner="scripted:Runner", **options).run()
