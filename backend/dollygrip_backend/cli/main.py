"""The commands of `dollygrip`. Modules that cost time to import are imported inside of the commands."""

from pathlib import Path
from typing import Annotated

import typer

from dollygrip_backend.cli.arguments import size_of
from dollygrip_backend.cli.convert import convert
from dollygrip_backend.cli.errors import reported
from dollygrip_backend.cli.models import models
from dollygrip_backend.cli.training import data, evaluate, train

app = typer.Typer(
    help="Camera first, generation second: from an image and a prompt to an editable camera, from that to video.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(convert)
app.add_typer(models, name="models")
app.add_typer(train, name="train", rich_help_panel="Development")
app.add_typer(evaluate, name="evaluate", rich_help_panel="Development")
app.add_typer(data, name="data", rich_help_panel="Development")

Seed = Annotated[int, typer.Option(help="Equal seeds give equal results.")]
Depth = Annotated[Path | None, typer.Option(help="Depth of the image along +Z, a float .npy of its size.")]


@app.command()
@reported
def predict(
    image: Annotated[Path | None, typer.Argument(help="The reference image.", show_default=False)] = None,
    prompt: Annotated[str | None, typer.Argument(help="How the camera moves.", show_default=False)] = None,
    frames: Annotated[int, typer.Option(help="Length in frames.")] = 81,
    fps: Annotated[float, typer.Option(help="Frames per second.")] = 24.0,
    seed: Seed = 0,
    takes: Annotated[int, typer.Option(help="How many cameras to predict.")] = 1,
    strength: Annotated[float, typer.Option(help="How far to move where the prompt gives no numbers.")] = 1.0,
    subject: Annotated[tuple[float, float] | None, typer.Option(help="What to orbit: x y, from 0 to 1.")] = None,
    view: Annotated[float | None, typer.Option(help="Horizontal field of view of the image in degrees.")] = None,
    scene_depth: Annotated[float | None, typer.Option(help="Median depth of the scene: the unit of the move.")] = None,
    depth: Depth = None,
    director: Annotated[
        str | None, typer.Option(help="Folder or hub name of a vision-language model; it turns intent into moves.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Camera file; with --batch a folder.", show_default="take.camera.json")
    ] = None,
    batch: Annotated[Path | None, typer.Option(help="JSONL: lines of id, image, prompt, frames?, fps?, seed?")] = None,
) -> None:
    """Predict cameras for an image and a prompt, or for every line of a file (--batch)."""
    from dollygrip.errors import InputError
    from dollygrip.protocol import PredictRequest
    from dollygrip_backend.cli import generate

    request = PredictRequest(
        prompt=prompt or "",
        frames=frames,
        fps=fps,
        seed=seed,
        takes=takes,
        view_degrees=view,
        scene_depth=scene_depth,
        strength=strength,
        subject=subject,
    )
    if batch is None and (image is None or prompt is None):
        raise InputError("An image and a prompt are needed.", "Give both, or a file with --batch.")
    if batch is None:
        for file in generate.predict(image, depth, request, out or Path("take.camera.json"), director):
            print(file)
        return
    if image is not None or out is None or takes != 1 or depth is not None:
        raise InputError("With --batch, images and prompts come from its lines.", "Give --out DIR and no image.")
    if director is not None:
        raise InputError("With --batch there is no director.", "Leave out --director, or predict one image.")
    bad = generate.predict_batch(batch, request, out)
    if bad:
        print(f"{bad} lines were not predicted.")
        raise typer.Exit(1)


@app.command()
@reported
def render(
    image: Annotated[Path, typer.Argument(help="The reference image.", show_default=False)],
    take: Annotated[Path, typer.Argument(help="A camera file.", show_default=False)],
    prompt: Annotated[str, typer.Option(help="What to see; engines without a text encoder ignore it.")] = "",
    engine: Annotated[str, typer.Option(help="A video engine; `dollygrip engines` lists them.")] = "auto",
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT.", show_default="nearest to the camera file's")] = None,
    seed: Seed = 0,
    depth: Depth = None,
    out: Annotated[Path, typer.Option(help="A folder for PNG images, or an .mp4 file.")] = Path("shot"),
) -> None:
    """Render the video that a camera sees, one frame for each of its poses."""
    from dollygrip_backend.cli import generate

    request = {"prompt": prompt, "engine": engine, "size": size_of(size), "seed": seed}
    generate.render(image, take, depth, out, request)
    print(out)


@app.command()
@reported
def again(
    shot: Annotated[Path, typer.Argument(help="A rendered shot: its folder, or its .mp4 file.", show_default=False)],
    out: Annotated[Path, typer.Option(help="A folder for PNG images, or an .mp4 file.")] = Path("again"),
) -> None:
    """Render a shot once more from what is kept with it: on the same computer exactly as it was."""
    from dollygrip_backend.cli import generate

    generate.render_again(shot, out)
    print(out)


@app.command()
@reported
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on; remote keys must be authorised.")] = "127.0.0.1",
    state: Annotated[Path | None, typer.Option(help="Folder for keys, jobs and the connection file.")] = None,
    idle: Annotated[float, typer.Option(min=1, help="Seconds after which an idle worker gives its memory back.")] = 600,
    director: Annotated[
        str,
        typer.Option(
            envvar="DOLLYGRIP_DIRECTOR",
            help="Folder or hub name of a vision-language model that clients may ask to turn intent into moves.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Run the backend that the Blender extension talks to."""
    from dollygrip_backend.cli.serve import serve as run

    run(state, host, port, idle, director)


@app.command()
@reported
def stop(
    state: Annotated[Path | None, typer.Option(help="Folder that the backend was started on.")] = None,
) -> None:
    """End the backend, which the extension starts and leaves running."""
    from dollygrip_backend.cli.serve import stop as end

    end(state)


@app.command()
@reported
def engines() -> None:
    """List the video engines, what they need and whether they run here."""
    from dollygrip_backend.cli.inspect import print_engines

    print_engines()


@app.command()
@reported
def plot(
    take: Annotated[Path, typer.Argument(help="A camera file.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="The picture: .png, .svg or .pdf.", show_default=False)],
) -> None:
    """Draw a camera: top, side and front view of its path, speed and rotation over time."""
    from dollygrip_backend.cli.plot import plot as draw

    draw(take, out)


@app.command()
@reported
def doctor() -> None:
    """Check that everything is in place, and say what is not."""
    from dollygrip_backend.cli.inspect import doctor as check

    if not check():
        raise typer.Exit(1)
