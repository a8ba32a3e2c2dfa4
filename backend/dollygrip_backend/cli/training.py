"""`dollygrip train`, `evaluate` and `data`: making the weights again."""

from pathlib import Path
from typing import Annotated

import typer

from dollygrip_backend.cli.errors import reported

train = typer.Typer(help="Train a network from its configuration.", no_args_is_help=True)
evaluate = typer.Typer(help="Measure what a network can do.", no_args_is_help=True)
data = typer.Typer(help="Make training data.", no_args_is_help=True)


@data.command()
@reported
def scenes(
    out: Annotated[Path, typer.Option(help="Folder for the scenes.")] = Path(".cache/scenes/train"),
    count: Annotated[int, typer.Option(min=1, help="How many scenes.")] = 100,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal scenes.")] = 0,
    views: Annotated[int, typer.Option(min=2, help="Views of each scene.")] = 10,
    processes: Annotated[int, typer.Option(min=1, help="Blender processes at once.")] = 1,
) -> None:
    """Render procedural scenes with exact depth and cameras in Blender."""
    from dollygrip_backend.data.render import render_scenes

    render_scenes(out, count, seed, views, processes)
