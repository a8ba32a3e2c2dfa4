"""`dollygrip convert`: camera files from one format into another, saying what was assumed and what was lost."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dollygrip_backend.cli.arguments import size_of
from dollygrip_backend.cli.errors import reported


@reported
def convert(
    source: Annotated[Path, typer.Argument(help="A camera file, or a COLMAP model's folder.", show_default=False)],
    target: Annotated[Path, typer.Argument(help="The camera file to write.", show_default=False)],
    to: Annotated[
        str | None,
        typer.Option(help="The format to write; a wrong name lists them.", show_default="by the target's name"),
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Which camera of several.", show_default="the first")] = None,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT, where the source does not say.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second, where the source does not say.")] = None,
    view: Annotated[float | None, typer.Option(help="Horizontal degrees, where the source holds no lens.")] = None,
    scene_depth: Annotated[float | None, typer.Option(help="Median depth, where the source does not say.")] = None,
) -> None:
    """Convert a camera file. The source's format is found by its content."""
    from dollygrip import formats

    form = formats.format_named(to) if to else formats.format_of_name(target)
    assumed = formats.Assumed(size_of(size), fps, view, scene_depth, camera)
    trajectory = formats.read(source, assumed)
    formats.write(target, trajectory, form)
    for note in (*assumed.notes(), *formats.lost(trajectory, form, target.name)):
        print(f"Note: {note}.", file=sys.stderr)
