"""`dollygrip models`: the weights that do not come with Dollygrip."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dollygrip_backend.cli.errors import reported

if TYPE_CHECKING:
    from dollygrip_backend.models import Model

models = typer.Typer(
    help="Download the weights that do not come with Dollygrip, or say where they are.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="A model; `dollygrip models list` names them.", show_default=False)]


@models.command("list")
@reported
def list_models() -> None:
    """List the models, their licences and sizes, and whether they are on this computer."""
    from rich.console import Console

    from dollygrip_backend.models import locate, missing_reason
    from dollygrip_backend.video.specs import PRESETS, SPECS
    from dollygrip_backend.workers.fetcher import MODELS

    console = Console(highlight=False)
    for model in MODELS.values():
        reason = missing_reason(model)
        state = f"[red]not ready[/]: {reason}" if reason else f"[green]ready[/] in {locate(model)}"
        console.print(f"[bold]{model.name}[/]  {model.repo}\n    {model.title}\n    {state}")
        console.print(f"    licence: {model.licence}")
        if spec := SPECS.get(model.name):
            memory = ", ".join(f"{preset} {spec.memory(preset) / 1e9:.0f} GB" for preset in PRESETS)
            console.print(f"    graphics memory, estimated: {memory}")


@models.command()
@reported
def download(
    name: Name,
    folder: Annotated[Path | None, typer.Option(help="Another cache folder than the hub's own.")] = None,
    repo: Annotated[
        str | None, typer.Option(help="Another repository with the same kind of model: owner/name.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Accept the licence and the size without being asked.")] = False,
) -> None:
    """Show a model's licence and size, then download it. After a failure, run it again: what is complete is kept."""
    from rich.filesize import decimal
    from rich.progress import DownloadColumn

    from dollygrip_backend import models as fetching
    from dollygrip_backend.cli.progress import stages

    model = _model(name)
    plan = fetching.plan_download(model, repo, folder)
    typer.echo(f"{plan.source.repo} at {plan.source.commit[:12]}, into {plan.cache}", err=True)
    typer.echo(f"Licence: {plan.licence}, says the hub. Known of its parts: {model.licence}.", err=True)
    typer.echo(f"To download: {decimal(plan.missing_bytes)} of {decimal(plan.total_bytes)}.", err=True)
    if not yes and not typer.confirm("Accept the licence and go on?", err=True):
        raise typer.Exit(1)
    with stages(DownloadColumn) as report:
        found = fetching.download(model, plan, report)
    print(found)


@models.command()
@reported
def use(
    name: Name, folder: Annotated[Path, typer.Argument(help="What the hub has of it.", show_default=False)]
) -> None:
    """Take a model from a folder of your own from now on."""
    from dollygrip_backend.models import use_folder

    print(use_folder(_model(name), folder))


@models.command()
@reported
def depth(
    yes: Annotated[bool, typer.Option("--yes", help="Accept the licence and the size without being asked.")] = False,
) -> None:
    """Download Depth Anything V2 Small; as `download depth-anything`. It then sees depth in place of ours."""
    from dollygrip_backend.scene.depth_model import DEPTH

    download(DEPTH.name, yes=yes)


def _model(name: str) -> "Model":
    from dollygrip.errors import InputError
    from dollygrip_backend.workers.fetcher import MODELS

    if name not in MODELS:
        raise InputError(f"There is no model called '{name}'.", f"Use one of: {', '.join(MODELS)}.")
    return MODELS[name]
