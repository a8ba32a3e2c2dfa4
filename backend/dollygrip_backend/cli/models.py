"""`dollygrip models`: the weights that do not come with Dollygrip."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dollygrip_backend.cli.errors import reported

if TYPE_CHECKING:
    from dollygrip_backend.video.specs import ModelSpec

models = typer.Typer(
    help="Download the weights that do not come with Dollygrip, or say where they are.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="A model; `dollygrip models list` names them.", show_default=False)]


@models.command("list")
@reported
def list_models() -> None:
    """List the models, their licences and sizes, and whether they are on this computer."""
    from rich.console import Console

    from dollygrip_backend.video.models import locate, missing_reason
    from dollygrip_backend.video.specs import PRESETS, SPECS

    console = Console(highlight=False)
    for spec in SPECS.values():
        reason = missing_reason(spec)
        state = f"[red]not ready[/]: {reason}" if reason else f"[green]ready[/] in {locate(spec)}"
        memory = ", ".join(f"{preset} {spec.memory(preset) / 1e9:.0f} GB" for preset in PRESETS)
        console.print(f"[bold]{spec.name}[/]  {spec.repo}\n    {state}")
        console.print(f"    licence: {spec.licence}\n    graphics memory, estimated: {memory}")


@models.command()
@reported
def download(
    name: Name,
    folder: Annotated[Path | None, typer.Option(help="Another cache folder than the hub's own.")] = None,
    repo: Annotated[str | None, typer.Option(help="Another repository with the same pipeline: owner/name.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Accept the licence and the size without being asked.")] = False,
) -> None:
    """Show a model's licence and size, then download it. After a failure, run it again: what is complete is kept."""
    from rich.filesize import decimal

    from dollygrip_backend.video.models import download as fetch
    from dollygrip_backend.video.models import plan_download

    spec = _spec(name)
    plan = plan_download(spec, repo, folder)
    typer.echo(f"{plan.source.repo} at {plan.source.commit[:12]}, into {plan.cache}", err=True)
    typer.echo(f"Licence: {plan.licence}, says the hub. Known of its parts: {spec.licence}.", err=True)
    typer.echo(f"To download: {decimal(plan.missing_bytes)} of {decimal(plan.total_bytes)}.", err=True)
    if not yes and not typer.confirm("Accept the licence and go on?", err=True):
        raise typer.Exit(1)
    print(fetch(spec, plan))


@models.command()
@reported
def use(name: Name, folder: Annotated[Path, typer.Argument(help="A diffusers pipeline.", show_default=False)]) -> None:
    """Take a model from a folder of your own from now on."""
    from dollygrip_backend.video.models import use_folder

    print(use_folder(_spec(name), folder))


@models.command()
@reported
def depth(
    yes: Annotated[bool, typer.Option("--yes", help="Accept the licence and the size without being asked.")] = False,
) -> None:
    """Download Depth Anything V2 Small into the hub's cache. It then sees depth in the built-in network's place."""
    from dollygrip_backend.scene.estimators import DEFAULT, load_estimator

    typer.echo(f"{DEFAULT}, about 100 MB. Licence: Apache-2.0.", err=True)
    if not yes and not typer.confirm("Accept the licence and go on?", err=True):
        raise typer.Exit(1)
    load_estimator(online=True)


def _spec(name: str) -> "ModelSpec":
    from dollygrip.errors import InputError
    from dollygrip_backend.video.specs import SPECS

    if name not in SPECS:
        raise InputError(f"There is no model called '{name}'.", f"Use one of: {', '.join(SPECS)}.")
    return SPECS[name]
