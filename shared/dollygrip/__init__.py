"""What Dollygrip's extension and its backend both speak: trajectories, camera formats and the wire protocol."""

__version__ = "0.1.0"
