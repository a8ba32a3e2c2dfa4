"""The commands of `dollygrip`. Modules that cost time to import are imported inside of the commands."""

from pathlib import Path
from typing import Annotated

import typer

from dollygrip_backend.cli.errors import reported

app = typer.Typer(
    help="Camera first, generation second: from an image and a prompt to an editable camera, from that to video.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
@reported
def engines() -> None:
    """List the video engines, what they need and whether they run here."""
    from dollygrip_backend.cli.inspect import print_engines

    print_engines()


@app.command()
@reported
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    host: Annotated[
        str, typer.Option(help="Address to listen on; other than this machine: authorised keys only.")
    ] = "127.0.0.1",
    state: Annotated[Path | None, typer.Option(help="Folder for keys, jobs and the connection file.")] = None,
    idle: Annotated[float, typer.Option(min=1, help="Seconds after which an idle worker gives its memory back.")] = 600,
) -> None:
    """Run the backend that the Blender extension talks to."""
    from dollygrip_backend.cli.serve import serve as run

    run(state, host, port, idle)
