"""How long a prediction takes: `python bench/predict.py [--frames N] [--runs N]`. Prints cold, warm and memory."""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from backend_process import picture
from PIL import Image
from rich.console import Console
from rich.table import Table

from dollygrip.protocol import LookRequest, PredictRequest
from dollygrip_backend.jobs.validation import validate
from dollygrip_backend.threads import wait_asleep
from dollygrip_backend.workers.runner import Runner

LIMITS_S = {1: 0.4, 16: 2.0}  # by number of takes over a picture that was seen before
PROMPT = "slowly orbit left around the house while rising"


def cold(image_file: Path, frames: int, out: Path) -> float:
    """Seconds of the whole command in a process of its own."""
    program = str(Path(sys.executable).with_name("dollygrip"))
    command = [program, "predict", str(image_file), PROMPT, "--frames", str(frames), "--out", str(out)]
    before = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - before


def warm(images: list, frames: int, runs: int, takes: int = 1, ahead: bool = False) -> list[float]:
    """Seconds of each of `runs` predictions with the models in memory. What is seen of a picture, its depth too, is
    kept for the next prompt: with two pictures by turns, every one is looked at anew. ahead: before the time is taken,
    as the extension does while the prompt is typed."""
    runner, times = Runner(), []
    for seed in range(runs + 1):
        arrays = {"image": images[seed % len(images)]}
        request = validate(PredictRequest(prompt=PROMPT, frames=frames, seed=seed, takes=takes), arrays)
        if ahead:
            list(runner.run(LookRequest(), arrays, lambda *_: None))
        before = time.perf_counter()
        results = list(runner.run(request, arrays, lambda *_: None))
        times.append(time.perf_counter() - before)
        assert len(results) == takes and len(results[0]) == frames
    return times[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    wait_asleep()  # as the worker does
    image = picture(1280, 720)
    pictures = [image, image[:, ::-1].copy()]
    with tempfile.TemporaryDirectory() as folder:
        image_file = Path(folder) / "image.png"
        Image.fromarray(image).save(image_file)
        starts = [cold(image_file, options.frames, Path(folder) / "take.camera.json") for _ in range(3)]
    one, many = (warm([image], options.frames, options.runs, takes) for takes in LIMITS_S)
    anew, ahead = (warm(pictures, options.frames, options.runs, ahead=ahead) for ahead in (False, True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    table = Table("dollygrip predict", "median", "slowest", title=f"{options.frames} frames, 1280x720 image")
    rows = {"cold, the whole command": starts, "warm, 1 take": one, "warm, 16 takes": many}
    rows |= {"another picture": anew, "another picture, looked at ahead": ahead}
    for name, times in rows.items():
        table.add_row(name, f"{statistics.median(times):.2f} s", f"{max(times):.2f} s")
    table.add_row("peak memory", f"{memory:.0f} MB", "")
    Console().print(table)
    for (takes, limit), times in zip(LIMITS_S.items(), (one, many), strict=True):
        if statistics.median(times) >= limit:
            sys.exit(f"A warm prediction of {takes} takes longer than {limit:g} s.")


if __name__ == "__main__":
    main()
