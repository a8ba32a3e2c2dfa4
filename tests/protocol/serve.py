"""`python serve.py STATE [PORT]`: the real server, with the scripted runner in its real worker processes."""

import sys
from pathlib import Path

from dollygrip_backend.server.server import Server

if __name__ == "__main__":
    Server(Path(sys.argv[1]), port=int(sys.argv[2]), runner="scripted:Runner", idle_s=float(sys.argv[3])).run()
