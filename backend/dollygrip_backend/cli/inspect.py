"""`dollygrip engines` and `dollygrip doctor`."""

from rich.console import Console
from rich.table import Table

from dollygrip_backend.server.capabilities import engines


def print_engines() -> None:
    """A table of the video engines."""
    table = Table("Engine", "What it is", "Licence", "Download", "Memory", "Sizes", "Frames", "Runs here")
    for info in engines():
        table.add_row(
            info.name,
            info.title,
            info.licence,
            f"{info.download_bytes / 1e9:.1f} GB" if info.download_bytes else "none",
            f"{info.memory_bytes / 1e9:.1f} GB",
            f"{info.min_size} to {info.max_size}, by {info.multiple}",
            f"up to {info.max_frames}",
            "yes" if info.available else f"no: {info.reason}",
        )
    Console().print(table)
