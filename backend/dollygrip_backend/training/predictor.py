"""Training of the camera predictor on pairs of the camera-motion grammar."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import attrs
import cattrs
import numpy as np
import ptwt
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import binary_cross_entropy_with_logits

from dollygrip.errors import InputError
from dollygrip_backend.data.captions import CaptionBank, draw_pairs, load_bank
from dollygrip_backend.data.grammar.motion import Context, plan_channels
from dollygrip_backend.data.pictures import random_picture
from dollygrip_backend.predictor.channels import CHANNELS, SAMPLES, SCALE
from dollygrip_backend.predictor.conditions import condition_vector, picture_planes
from dollygrip_backend.predictor.network import CameraTransformer
from dollygrip_backend.predictor.pipeline import NOISE_SHIFT, CameraPipeline
from dollygrip_backend.predictor.text import TextFeatures
from dollygrip_backend.training.common import Run, learning_rate, step_random, training_progress

CONFIG = Path(__file__).with_name("predictor.toml")
_WAVELET, _LEVELS = "sym4", 3


@attrs.frozen
class PredictorConfig:
    """The keys of the TOML file; see `predictor.toml` for what each means."""

    seed: int
    captions: int
    batch: int
    takes: int
    steps: int
    learning_rate: float
    average: float
    square: float
    wavelet: float
    activity: float
    outline: float
    outline_steps: int
    pictures: float
    constraints: float
    without_text: float
    bfloat16: bool
    network: dict[str, int]

    @classmethod
    def read(cls, file: Path) -> "PredictorConfig":
        """Raises InputError where the file is missing or a key is missing, unknown or of another type."""
        try:
            converter = cattrs.Converter(forbid_extra_keys=True)
            return converter.structure(tomllib.loads(file.read_text()), cls)
        except OSError as error:
            raise InputError(f"Cannot read the training configuration {file}: {error.strerror}.") from error
        except (tomllib.TOMLDecodeError, cattrs.BaseValidationError) as error:
            details = "; ".join(cattrs.transform_error(error)) if not isinstance(error, ValueError) else str(error)
            raise InputError(
                f"The training configuration {file} is not valid: {details}.", f"Compare it with {CONFIG.name}."
            ) from error


@attrs.frozen
class Batch:
    """B captions with K takes each; shapes as in `CameraTransformer.forward`."""

    text: TextFeatures
    words: Tensor
    picture: Tensor | None
    clean: Tensor
    noise: Tensor
    sigma: Tensor
    given: Tensor
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


def draw_constraints(share: float, takes: int, rng: np.random.Generator) -> np.ndarray:
    """(takes, 64, 7) of 0 and 1: which samples are known. Keyframes (whole or position only), or a whole path."""
    given = np.zeros((takes, SAMPLES, CHANNELS), np.float32)
    for mask in given:
        if rng.random() >= share:
            continue
        if rng.random() < 0.3:
            mask[:, :3] = 1
        else:
            channels = slice(0, 3) if rng.random() < 0.3 else slice(None)
            mask[rng.integers(1, SAMPLES, rng.integers(1, 5)), channels] = 1
    return given


def draw_batch(bank: CaptionBank, rows: np.ndarray, config: PredictorConfig, rng: np.random.Generator) -> Batch:
    """Draw pictures, conditions, takes and noise for the captions `rows`."""
    text = bank.batch(rows)
    pictures = None
    if rng.random() < config.pictures:
        drawn = [random_picture(rng) for _ in rows]
        seen = rng.random(len(rows)) < 0.8  # the others come without a depth
        planes = [picture_planes(rgb, d if s else None, 1.0) for (rgb, d), s in zip(drawn, seen, strict=True)]
        pictures = torch.stack(planes)
    clean = np.empty((len(rows), config.takes, SAMPLES, CHANNELS), np.float32)
    conditions = []
    for i, row in enumerate(rows):
        for k in range(config.takes):
            context = draw_context(rng)
            clean[i, k] = plan_channels(bank.plans[row], context, rng) / SCALE
            conditions.append(condition_vector(context))
    given = draw_constraints(config.constraints, len(rows) * config.takes, rng).reshape(clean.shape)
    even = torch.rand(clean.shape[:2])
    keep = torch.rand(len(rows)) >= config.without_text
    words = (torch.rand(text.mask.shape) > 0.1).float() * (torch.rand(len(rows), 1) > 0.1)
    return Batch(
        text=attrs.evolve(text, mask=text.mask & keep[:, None]),
        words=words,
        picture=pictures,
        clean=torch.from_numpy(clean),
        noise=torch.randn(clean.shape),
        sigma=NOISE_SHIFT * even / (1 + (NOISE_SHIFT - 1) * even),
        given=torch.from_numpy(given),
        conditions=torch.from_numpy(np.stack(conditions)).unflatten(0, clean.shape[:2]),
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


def losses(model: CameraTransformer, batch: Batch, outline_only: bool = False) -> dict[str, Tensor]:
    """The four parts of the loss, unweighted: square error, wavelet sub-bands, activity, the summary's outline.

    In the first stage there is only the outline with its activity: five times cheaper, and all that the words need to
    be understood.
    """
    memory = model.remember(batch.text, batch.picture, batch.words)
    peak = batch.clean.abs().amax((2, 3), keepdim=True)
    weight = 1 / (1 + (peak / 2) ** 2)  # a full circle must not outweigh a hundred small moves
    expected, likely = (value.float()[:, None] for value in model.outline(memory))
    every = SAMPLES // expected.shape[2]
    used = (batch.clean.abs().amax(2) > 1e-4).float()
    parts = {
        "outline": (weight * (expected - batch.clean[:, :, every - 1 :: every]) ** 2).mean(),
        "activity": binary_cross_entropy_with_logits(likely.expand_as(used), used),
    }
    if outline_only:
        return parts
    sigma = batch.sigma[..., None, None]
    noisy = (1 - sigma) * batch.clean + sigma * batch.noise
    clean, active = model(noisy, batch.sigma, batch.clean * batch.given, batch.given, batch.conditions, memory)
    clean, active = clean.float(), active.float()
    root = weight.sqrt()
    return {
        "outline": parts["outline"],
        "activity": parts["activity"] + binary_cross_entropy_with_logits(active, used),
        "square": (weight * (clean - batch.clean) ** 2).mean(),
        "wavelet": wavelet_loss((root * clean).flatten(0, 1), (root * batch.clean).flatten(0, 1)),
    }


def train_predictor(
    config: Path = CONFIG,
    out: Path = Path("weights"),
    work: Path = Path(".cache/train/predictor"),
    resume: bool = True,
    save_every: int = 100,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, float]:
    """Train by the TOML file `config`, write the averaged network to `out`; returns the last mean losses.

    work: caption features and checkpoints, one every `save_every` steps; a killed run goes on from its last checkpoint
    there unless `resume` is false. progress(step, steps) is called after every step and may raise to stop.
    """
    settings = PredictorConfig.read(config)
    step_random(settings.seed, -1 % 2**31)
    model = CameraTransformer(**settings.network)
    run = Run(model, torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.01), settings.average)
    if resume and run.resume(work / "checkpoint"):
        print(f"Resuming at step {run.step}.")
    bar = training_progress()
    with bar:
        task = bar.add_task("captions", total=settings.captions, status="")
        bank = load_bank(
            draw_pairs(settings.captions, settings.seed),
            work / "captions",
            progress=lambda n, _: bar.update(task, completed=n),
        )
        task = bar.add_task("training", total=settings.steps, completed=run.step, status="")
        means: dict[str, float] = {}
        while run.step < settings.steps:
            parts = _step(run, bank, settings)
            means = {k: 0.98 * means.get(k, v) + 0.02 * v for k, v in parts.items()}
            bar.update(task, completed=run.step, status=" ".join(f"{k} {v:.4f}" for k, v in means.items()))
            if run.step % save_every == 0 or run.step == settings.steps:
                run.save(work / "checkpoint")
                with (work / "log.jsonl").open("a") as log:
                    log.write(json.dumps({"step": run.step, **means}) + "\n")
            if progress:
                progress(run.step, settings.steps)
    model.load_state_dict(run.average)
    CameraPipeline(model.half(), CameraPipeline.fresh_scheduler()).save_pretrained(out)
    return means


def _step(run: Run, bank: CaptionBank, settings: PredictorConfig) -> dict[str, float]:
    """One step on the batch that belongs to the run's step number."""
    per_epoch = len(bank) // settings.batch
    epoch, index = divmod(run.step, per_epoch)
    rows = list(bank.batches(settings.batch, np.random.default_rng((settings.seed, epoch))))[index]
    outline_only = run.step < settings.outline_steps
    drawn = attrs.evolve(settings, takes=1, pictures=0.0) if outline_only else settings
    batch = draw_batch(bank, rows, drawn, step_random(settings.seed, run.step))
    if outline_only:
        rate = learning_rate(run.step, settings.outline_steps, settings.learning_rate, floor=0.3)
    else:
        later = run.step - settings.outline_steps
        rate = learning_rate(later, settings.steps - settings.outline_steps, settings.learning_rate, warmup=100)
    with sdpa_kernel(SDPBackend.MATH), torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
        parts = losses(run.model, batch, outline_only)
        loss = sum(getattr(settings, key) * value for key, value in parts.items())
    run.descend(loss, rate)
    return {key: float(value.detach()) for key, value in parts.items()}
