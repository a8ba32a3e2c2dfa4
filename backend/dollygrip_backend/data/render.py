"""Renders the scene data set by starting Blender's own Python as a process of its own."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import Progress

from dollygrip.conventions import Sensor, c2w_from_blender, intrinsics_from_lens
from dollygrip.errors import DollygripError, InputError
from dollygrip_backend.data.develop import denoise, exposure_for, picture
from dollygrip_backend.data.objects import find_objects
from dollygrip_backend.data.scenes import MAX_VIEWS, Scene, load_scene, save_scene

_SCRIPT = Path(__file__).parent / "blender" / "render_scenes.py"
_PER_PROCESS = 40  # scenes; a fresh process gives back what Blender has not freed


def blender_python() -> Path:
    """A Python that has bpy: $DOLLYGRIP_BLENDER_PYTHON, else the checkout's .venv-blender. Raises DollygripError."""
    root = Path(__file__).parents[3]
    inside = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    candidate = Path(os.environ.get("DOLLYGRIP_BLENDER_PYTHON") or root / ".venv-blender" / inside)
    if not candidate.is_file():
        raise DollygripError(
            f"There is no Blender Python at {candidate}.",
            "Run `python build.py dev`, or set DOLLYGRIP_BLENDER_PYTHON to a Python that has bpy.",
        )
    return candidate


def render_scenes(
    out: Path,
    count: int,
    seed: int,
    views: int = 10,
    processes: int = 1,
    mix: str = "common",
    long_side: int = 160,
    python: Path | None = None,
) -> list[Path]:
    """Renders scenes 0 .. count-1 of `seed` into out/scene_SEED_INDEX.npz; those that exist are kept.

    mix: "common" (rooms, streets, landscapes, yards, tabletops, figures), "rare" (halls, work yards, shores, woods) or
    "things" (both, with more of the things that people name); the files of the last two are called MIX_SEED_INDEX.npz.
    long_side: pixels; the short side has three fifths of it. The same seed, mix and index give the same scene and
    framings; the noise of a few pixels in a hundred may differ. `python` is a Python with bpy (default:
    blender_python()). Each process uses one thread. Raises InputError for more views than a scene file may have and for
    a scene that exists with others, or DollygripError with Blender's last words when a process fails.
    """
    if views > MAX_VIEWS:
        raise InputError(f"A scene of {views} views cannot be read again.", f"Use {MAX_VIEWS} at most.")
    name = "scene" if mix == "common" else mix
    paths = {index: out / f"{name}_{seed}_{index:05}.npz" for index in range(count)}
    _check_kept(paths.values(), views, long_side)
    out.mkdir(parents=True, exist_ok=True)
    python = python or blender_python()
    missing = [index for index, path in paths.items() if not path.exists()]
    chunks = [missing[i : i + _PER_PROCESS] for i in range(0, len(missing), _PER_PROCESS)]
    running: set[subprocess.Popen] = set()
    with Progress() as progress, ThreadPoolExecutor(processes) as pool:
        bar = progress.add_task("Rendering scenes", total=count, completed=count - len(missing))
        step = partial(progress.advance, bar)
        jobs = [
            pool.submit(_render_chunk, python, paths, chunk, seed, views, mix, long_side, running, step)
            for chunk in chunks
        ]
        try:
            for job in jobs:
                job.result()
        except BaseException:  # also KeyboardInterrupt: no Blender stays behind
            pool.shutdown(wait=False, cancel_futures=True)
            for process in tuple(running):
                process.terminate()
            raise
    return list(paths.values())


def _check_kept(paths: Iterable[Path], views: int, long_side: int) -> None:
    """Raises InputError where a scene exists that is not as it would be rendered."""
    for path in filter(Path.exists, paths):
        scene = load_scene(path)
        kept = len(scene), max(scene.size)
        if kept != (views, long_side):
            raise InputError(
                f"{path} has {kept[0]} views, {kept[1]} pixels along the long side, not {views} of {long_side}.",
                "Choose another folder, or delete the scenes in it.",
            )


def _render_chunk(
    python: Path,
    paths: dict[int, Path],
    indices: list[int],
    seed: int,
    views: int,
    mix: str,
    long_side: int,
    running: set[subprocess.Popen],
    step: Callable[[], None],
) -> None:
    """One Blender process; each scene is developed and stored as soon as it is announced."""
    with tempfile.TemporaryDirectory(prefix="dollygrip-scenes-") as folder:
        command = [str(python), str(_SCRIPT), folder, str(seed), str(views), mix, str(long_side), *map(str, indices)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        log = Path(folder) / "log.txt"
        with (
            log.open("w") as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as process,
        ):
            running.add(process)
            for line in process.stdout:
                if line.startswith("done "):
                    index = int(line.split()[1])
                    raw = Path(folder) / f"{index}.npz"
                    save_scene(paths[index], develop(raw, paths[index].stem, np.random.default_rng([seed, index, 1])))
                    raw.unlink()
                    step()
        running.discard(process)
        if process.returncode:
            last = log.read_text().strip().splitlines()[-1:] or ["no message"]
            raise DollygripError(
                f"Blender stopped while rendering scenes: {last[0]}", f"It was run as: {command[0]} {command[1]}"
            )


def develop(raw: Path, name: str, rng: np.random.Generator) -> Scene:
    """A raw scene in Blender's terms -> pictures, depth and cameras in Dollygrip's. One exposure for all views."""
    with np.load(raw, allow_pickle=False) as file:
        raws = {key: file[key] for key in file.files}
    depth = raws["depth"]
    height, width = depth.shape[1:]
    views = [
        denoise(*(raws[k][v].astype(np.float32) for k in ("rgb", "albedo", "normal", "depth")))
        for v in range(len(depth))
    ]
    exposure = exposure_for(views[0], bright=rng.uniform(0.1, 0.3))
    lens = np.full(len(depth), raws["lens"])
    sensor = Sensor(size=(width, height), width=float(raws["sensor"]))
    rgb = np.stack([picture(view, exposure) for view in views])
    objects = [
        found
        for v in range(len(depth))
        for found in find_objects(v, raws["index"][v], raws["names"], raws["albedo"][v], rgb[v], depth[v])
    ]
    return Scene(
        name=name,
        rgb=rgb,
        depth=depth,
        c2w=c2w_from_blender(raws["matrix_world"]),
        intrinsics=intrinsics_from_lens(lens, np.zeros((len(depth), 2)), sensor),
        kind=str(raws["kind"]),
        objects=tuple(objects),
    )
