"""Training of the trajectory transformer, the second part of the predictor: storyboards in, cameras out.

The shot reader that is trained before it stays frozen. Flow matching towards the clean trajectory, with a wavelet
regularisation loss (CT-1, arXiv 2604.09201) that compares predicted and true trajectories sub-band by sub-band.
"""

from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import ptwt
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from dollygrip_backend.data.captions import CaptionBank
from dollygrip_backend.predictor.channels import SCALE
from dollygrip_backend.predictor.conditions import condition_vector
from dollygrip_backend.predictor.constraints import spread
from dollygrip_backend.predictor.motion import CHANNELS, SAMPLES, plan_channels
from dollygrip_backend.predictor.network import CameraTransformer
from dollygrip_backend.predictor.pipeline import NOISE_SHIFT
from dollygrip_backend.predictor.reader import ShotReader
from dollygrip_backend.predictor.settling import Context, settle
from dollygrip_backend.predictor.text import TextFeatures
from dollygrip_backend.training.common import (
    Run,
    finished,
    learning_rate,
    moved,
    process_random,
    recipe_in,
    sizes_of,
    step_random,
    train,
)
from dollygrip_backend.training.muon import Muon

_WAVELET, _LEVELS = "sym4", 3


@attrs.frozen
class Config:
    """The table [trajectory] of `predictor.toml`; the comments there say what each key means."""

    seed: int
    batch: int
    takes: int
    steps: int
    learning_rate: float
    average: float
    square: float
    wavelet: float
    constraints: float
    without_text: float
    bfloat16: bool
    network: dict[str, Any] = attrs.field(validator=sizes_of(CameraTransformer, "memory_width"))


@attrs.frozen
class Batch:
    """B captions with K takes each; shapes as in `CameraTransformer.forward`."""

    text: TextFeatures
    clean: Tensor
    storyboard: Tensor
    noise: Tensor
    sigma: Tensor
    given: Tensor
    used: Tensor
    conditions: Tensor


def draw_context(rng: np.random.Generator) -> Context:
    """The conditions of one take. The scene depth is that of the subject, the unit of positions."""
    return Context(
        view_degrees=float(np.exp(rng.uniform(np.log(22), np.log(100)))),
        duration=float(np.exp(rng.uniform(np.log(1), np.log(16)))),
        strength=float(np.exp(rng.uniform(-0.9, 0.8))) if rng.random() < 0.4 else 1.0,
        scene_depth=float(np.exp(rng.uniform(np.log(0.4), np.log(40)))) if rng.random() < 0.5 else 1.0,
        subject=tuple(rng.uniform(0.2, 0.8, 2)) if rng.random() < 0.2 else None,
        aspect=float(np.exp(rng.uniform(np.log(0.5), np.log(2.2)))),
    )


def constrain(clean: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Bend a clean take (64, 7), in normalised channels, to keyframes or a path; returns it and what is known of it.

    Keyframes pull the camera away from what the words ask by offsets that a spline joins, so that what lies between is
    the words' move carried along. A path replaces the positions.
    """
    given = np.zeros((SAMPLES, CHANNELS), np.float32)
    path = rng.random() < 0.3
    channels = slice(0, 3) if path or rng.random() < 0.4 else slice(0, 6)
    keys = np.sort(rng.choice(np.arange(4, SAMPLES), int(rng.integers(1, 5)), replace=False))
    offsets = rng.normal(0, rng.uniform(0.1, 0.8), (len(keys), CHANNELS))
    bent = clean.copy()
    bent[:, channels] += spread(keys, offsets, SAMPLES)[:, channels]
    given[slice(None) if path else keys, channels] = 1
    return bent, given


def draw_batch(bank: CaptionBank, rows: np.ndarray, config: Config, rng: np.random.Generator) -> Batch:
    """Draw conditions, takes and noise for the captions `rows`."""
    text, _ = bank.batch(rows)
    shape = (len(rows), config.takes, SAMPLES, CHANNELS)
    clean, storyboard, given = (np.zeros(shape, np.float32) for _ in range(3))
    used = np.zeros((len(rows), config.takes, CHANNELS), np.float32)
    conditions = []
    for i, row in enumerate(rows):
        for k in range(config.takes):
            context = draw_context(rng)
            toward = context.subject is not None and rng.random() < 0.5
            plan = settle(attrs.evolve(bank.plans[row], toward=toward), context, rng)
            clean[i, k] = plan_channels(plan, context, rng) / SCALE
            storyboard[i, k] = plan_channels(plan, context) / SCALE
            if rng.random() < config.constraints:
                clean[i, k], given[i, k] = constrain(clean[i, k], rng)
            used[i, k] = np.abs(clean[i, k]).max(0) > 1e-4
            conditions.append(condition_vector(context))
    even = torch.rand(shape[:2])
    keep = torch.rand(len(rows)) >= config.without_text
    return Batch(
        text=attrs.evolve(text, mask=text.mask & keep[:, None]),
        clean=torch.from_numpy(clean),
        storyboard=torch.from_numpy(storyboard),
        noise=torch.randn(shape),
        sigma=NOISE_SHIFT * even / (1 + (NOISE_SHIFT - 1) * even),
        given=torch.from_numpy(given),
        used=torch.from_numpy(used),
        conditions=torch.from_numpy(np.stack(conditions)).unflatten(0, shape[:2]),
    )


def wavelet_bands(channels: Tensor) -> list[Tensor]:
    """(N, 64, 7) -> sub-bands (N, 7, n), coarse first, by the differentiable wavelet transform over time."""
    return ptwt.wavedec(channels.transpose(1, 2), _WAVELET, mode="symmetric", level=_LEVELS)


def wavelet_loss(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean over sub-bands of the absolute error against that band's own size in the true trajectories (N, 64, 7).

    A camera's fine bands are nearly empty, so jitter that hardly shows in the mean square weighs here. The transform is
    linear: the band of the difference is the difference of the bands.
    """
    wrong, size = wavelet_bands(predicted - true), [band.abs().mean() for band in wavelet_bands(true)]
    floor = 0.01 * size[0]  # a batch of still cameras has no fine bands at all
    return torch.stack([w.abs().mean() / (s + floor + 1e-6) for w, s in zip(wrong, size, strict=True)]).mean()


def losses(model: CameraTransformer, reader: ShotReader, batch: Batch) -> dict[str, Tensor]:
    """The parts of the loss, unweighted: square error and wavelet sub-bands, of the channels that a take uses."""
    with torch.no_grad():
        memory, _ = reader(batch.text)
    sigma, used = batch.sigma[..., None, None], batch.used[:, :, None]
    noisy = ((1 - sigma) * batch.clean + sigma * batch.noise) * used
    known = batch.clean * batch.given
    clean = model(
        noisy, batch.sigma, batch.storyboard, known, batch.given, batch.conditions, model.project(memory)
    ).float()
    peak = batch.clean.abs().amax((2, 3), keepdim=True)
    weight = used / (1 + (peak / 2) ** 2)  # a full circle must not outweigh a hundred small moves
    ends = clean.new_ones(SAMPLES, 1)
    ends[-4:] = 3.0  # where a move ends is what it is judged by
    root = weight.sqrt()
    return {
        "square": (weight * ends * (clean - batch.clean) ** 2).mean(),
        "wavelet": wavelet_loss((root * clean).flatten(0, 1), (root * batch.clean).flatten(0, 1)),
    }


def train_trajectory(
    settings: Config,
    bank: CaptionBank,
    reader: ShotReader,
    work: Path,
    resume: bool = True,
    start: Path | None = None,
) -> CameraTransformer:
    """The trained transformer with its averaged weights; checkpoints and log.jsonl in `work`. start: weights to go on
    from, instead of fresh ones."""
    recipe = recipe_in(work, settings, bank.parts, resume, start)
    step_random(settings.seed, -1 % 2**31)
    reader = reader.float().eval().requires_grad_(False)
    if start:
        model = finished(CameraTransformer, start)
    else:
        model = CameraTransformer(**settings.network, memory_width=reader.config.width)
    muon = Muon(model, apart=("memory", "trajectory", "time", "noise", "condition", "noisy"))
    run = Run(model, muon, settings.average, recipe)
    reader = reader.to(run.device)
    draw, descend = partial(_draw, bank, settings), partial(_step, run, settings, reader)
    train(run, "trajectory", settings.steps, draw, descend, work, resume=resume)
    return model


def _draw(bank: CaptionBank, settings: Config, step: int) -> Batch:
    epoch, index = divmod(step, len(bank) // settings.batch)
    rows = list(bank.batches(settings.batch, process_random(settings.seed, epoch)))[index]
    return draw_batch(bank, rows, settings, step_random(settings.seed, step))


def _step(run: Run, settings: Config, reader: ShotReader, batch: Batch) -> dict[str, float]:
    batch = moved(batch, run.device)
    with sdpa_kernel(SDPBackend.MATH), run.autocast(settings.bfloat16):
        parts = losses(run.model, reader, batch)
    loss = sum(getattr(settings, key) * value for key, value in parts.items())
    run.descend(loss, learning_rate(run.step, settings.steps, settings.learning_rate))
    return {key: float(value.detach()) for key, value in parts.items()}
