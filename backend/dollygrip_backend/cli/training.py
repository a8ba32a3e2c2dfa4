"""`dollygrip train`, `evaluate` and `data`: making the weights again, and measuring them."""

import importlib.util
from pathlib import Path
from typing import Annotated, Literal

import typer

from dollygrip.errors import DollygripError, InputError
from dollygrip_backend.cli.errors import reported

train = typer.Typer(help="Train a network from its configuration.", no_args_is_help=True)
evaluate = typer.Typer(help="Measure what the networks can do.", no_args_is_help=True)
data = typer.Typer(help="Make training data.", no_args_is_help=True)

_TRAINING = Path(__file__).parents[1] / "training"
Scenes = Annotated[Path, typer.Option("--data", help="Folder of scenes; `dollygrip data scenes` renders them.")]
TestScenes = Annotated[Path, typer.Option("--data", help="Folder of scenes that no network was trained on.")]
_FOLDER = {"exists": True, "file_okay": False}  # a name that is none would be looked for on the hub
Weights = Annotated[Path | None, typer.Option(help="Folder of other weights than the shipped ones.", **_FOLDER)]
Out = Annotated[Path, typer.Option(help="Folder for the weights.")]
Config = Annotated[Path, typer.Option(help="The settings of the training, a TOML file.", show_default=False)]
Start = Annotated[
    Path | None, typer.Option(help="Folder of weights to go on from.", show_default="fresh ones", **_FOLDER)
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start anew instead of at the last checkpoint.")]
_LONG_SIDE = "Pixels along the long side: 160 to train on, more to measure on what users' pictures show."
_MIX = "Rooms, streets, landscapes, yards, tabletops, figures; or halls, work yards, shores, woods; or both, crowded."


@train.command("predictor")
@reported
def train_predictor(
    config: Config = _TRAINING / "predictor.toml",
    scenes: Scenes = Path(".cache/scenes/objects"),
    out: Out = Path(".cache/weights/predictor"),
    work: Annotated[Path, typer.Option(help="Folder for checkpoints.")] = Path(".cache/train/predictor"),
    fresh: Fresh = False,
    start: Start = None,
) -> None:
    """Train the camera predictor: words on the camera-motion grammar, sight on scenes that name their objects."""
    from dollygrip_backend.training import predictor

    predictor.train_predictor(config, scenes, out, work, not fresh, start)


@train.command("depth")
@reported
def train_depth(
    config: Config = _TRAINING / "depth.toml",
    scenes: Scenes = Path(".cache/scenes/objects"),
    out: Out = Path(".cache/weights/depth"),
    fresh: Fresh = False,
    start: Start = None,
) -> None:
    """Train the single-image depth network."""
    from dollygrip_backend.training import depth

    depth.train_depth(config, scenes, out, start, not fresh)


@train.command("embedded")
@reported
def train_embedded(
    config: Config = _TRAINING / "embedded.toml",
    scenes: Scenes = Path(".cache/scenes/objects"),
    out: Out = Path(".cache/weights/embedded"),
    fresh: Fresh = False,
    start: Start = None,
) -> None:
    """Train the in-painter of the embedded video engine."""
    from dollygrip_backend.training import embedded

    embedded.train_embedded(config, scenes, out, start, not fresh)


@evaluate.command("predictor")
@reported
def evaluate_predictor(
    prompts: Annotated[Path, typer.Option(help="JSONL: lines of id, prompt, move or expect, image?.")],
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("evaluation/predictor"),
    seeds: Annotated[int, typer.Option(min=1, help="Takes of each prompt that are judged.")] = 1,
    weights: Weights = None,
    scenes: Annotated[Path | None, typer.Option("--data", help="Held-out scenes: measure space and aim too.")] = None,
) -> None:
    """Judge by geometry how many prompts are obeyed, and how well a camera knows the space that it is in."""
    from dollygrip_backend.evaluation import predictor

    predictor.evaluate_predictor(prompts, out, seeds, weights, scenes)


@evaluate.command("wavelet")
@reported
def evaluate_wavelet(
    prompts: Annotated[Path, typer.Option(help="JSONL of prompts, as for `evaluate predictor`.")],
    steps: Annotated[int, typer.Option(min=1, help="Training steps of each of the two.")] = 800,
) -> None:
    """Train the trajectory transformer with and without its wavelet loss, and compare."""
    from dollygrip_backend.evaluation.predictor import read_cases
    from dollygrip_backend.evaluation.wavelet import compare_wavelet

    compare_wavelet(read_cases(prompts), steps)


@evaluate.command("depth")
@reported
def evaluate_depth(
    scenes: TestScenes = Path(".cache/scenes/test"),
    out: Annotated[Path | None, typer.Option(help="Folder for pictures of the depth.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of images whose depth is drawn as well.")] = None,
    model: Annotated[str | None, typer.Option(help="Another depth model: a folder or a name on the hub.")] = None,
) -> None:
    """Compare estimated with exact depth."""
    from dollygrip_backend.evaluation import depth

    depth.main(scenes, out, images, model)


@evaluate.command("video")
@reported
def evaluate_video(
    shot: Annotated[
        Path | None,
        typer.Argument(help="A rendered shot's folder: is its camera the one asked for?", show_default=False),
    ] = None,
    camera: Annotated[
        Path | None,
        typer.Option(help="The shot's camera.", show_default="the *.camera.json in its folder or FOLDER.shot"),
    ] = None,
    clips: Annotated[Path | None, typer.Option(help="Folder of real clips with poses, to be rendered again.")] = None,
    engine: Annotated[str, typer.Option(help="The video engine that renders the clips.")] = "embedded",
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("evaluation/video"),
    scenes: TestScenes = Path(".cache/scenes/test"),
    weights: Weights = None,
) -> None:
    """Recover the camera from a shot's frames, or from real clips rendered again (--clips), and compare it with the one
    asked for; without either, compare the embedded engine's frames of held-out scenes with true ones."""
    if shot is not None and clips is not None:
        raise InputError("A shot and --clips are two evaluations.", "Give one of them.")
    if shot is not None or clips is not None:
        _needs_pycolmap()
    if shot is not None:
        from dollygrip import achieved
        from dollygrip_backend.evaluation.shot import evaluate_shot

        print(*evaluate_shot(shot, camera).lines(), sep="\n")
        print(shot / achieved.FILE)
    elif clips is not None:
        from dollygrip_backend.evaluation.real_cameras import evaluate_real_cameras

        evaluate_real_cameras(clips, out, engine)
    else:
        from dollygrip_backend.evaluation.video import evaluate_video as evaluate_frames

        evaluate_frames(scenes, out, weights)


def _needs_pycolmap() -> None:
    if importlib.util.find_spec("pycolmap") is None:
        raise DollygripError(
            "Recovering a camera needs pycolmap, which is not installed.", "pip install 'dollygrip-backend[evaluation]'"
        )


@data.command()
@reported
def scenes(
    out: Annotated[Path, typer.Option(help="Folder for the scenes.")] = Path(".cache/scenes/train"),
    count: Annotated[int, typer.Option(min=1, help="How many scenes.")] = 100,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal scenes, but for noise.")] = 0,
    views: Annotated[int, typer.Option(min=2, help="Views of each scene.")] = 10,
    processes: Annotated[int, typer.Option(min=1, help="Blender processes at once.")] = 1,
    mix: Annotated[Literal["common", "rare", "things"], typer.Option(help=_MIX)] = "common",
    long_side: Annotated[int, typer.Option(min=160, max=960, help=_LONG_SIDE)] = 160,
) -> None:
    """Render procedural scenes with exact depth and cameras in Blender."""
    from dollygrip_backend.data.render import render_scenes

    render_scenes(out, count, seed, views, processes, mix, long_side)
