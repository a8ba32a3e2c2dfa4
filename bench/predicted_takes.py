"""200 cameras of the shipped predictor, kept in a folder: 60 plain single moves, 140 prompts of the grammar."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from dollygrip import formats
from dollygrip.protocol import PredictRequest
from dollygrip.trajectory import Trajectory
from dollygrip_backend.data.captions import draw_pairs
from dollygrip_backend.data.grammar import bare
from dollygrip_backend.jobs.validation import validate
from dollygrip_backend.workers.runner import Runner

_DATA = Path(__file__).parents[1] / "tests" / "data"
_COUNT, _SEED = 200, 2026


def predicted_takes(folder: Path) -> list[Trajectory]:
    """The takes, 81 frames each, read from `folder` where they lie there; about a minute where they do not."""
    files = [folder / f"{k:03}.camera.json" for k in range(_COUNT)]
    if not all(file.exists() for file in files):
        _predict(files)
    return [formats.read(file) for file in files]


def _predict(files: list[Path]) -> None:
    plain = [json.loads(line)["prompt"] for line in (_DATA / "plain_moves.jsonl").read_text("utf-8").splitlines()]
    prompts = [*plain, *(bare(pair.prompt) for pair in draw_pairs(len(files) - len(plain), _SEED))]
    pictures, runner = sorted((_DATA / "pictures").glob("*.jpg")), Runner()
    files[0].parent.mkdir(parents=True, exist_ok=True)
    for k, prompt in enumerate(track(prompts, "Predicting")):
        arrays = {"image": np.array(Image.open(pictures[k % len(pictures)]).convert("RGB"))}
        request = validate(PredictRequest(prompt=prompt, frames=81, seed=k), arrays)
        [take] = runner.run(request, arrays, lambda *_: None)
        formats.write(files[k], take)
