"""`python -m dollygrip_backend` is the command `dollygrip`, for launchers that want a module."""

from dollygrip_backend.cli.main import app

app()
