"""Training of the shot reader: prompts of the grammar and the corpus in, their programs out.

Supervised by cross-entropy on every part of the program. The text encoder stays frozen; the reader's own layers start
from the encoder's upper half and learn slower than the rest.
"""

from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from dollygrip_backend.data.captions import CaptionBank, load_bank
from dollygrip_backend.data.grammar.corpus import corpus
from dollygrip_backend.predictor.program import IGNORE, UNDECIDED, Program, Reading
from dollygrip_backend.predictor.reader import ShotReader
from dollygrip_backend.predictor.text import TextFeatures, upper_layers
from dollygrip_backend.training.common import (
    Run,
    finished,
    learning_rate,
    process_random,
    recipe_in,
    sizes_of,
    step_random,
    train,
)


@attrs.frozen
class Config:
    """The table [reader] of `predictor.toml`; the comments there say what each key means."""

    seed: int
    captions: int
    batch: int
    steps: int
    learning_rate: float
    average: float
    tuning: float
    bfloat16: bool
    network: dict[str, Any] = attrs.field(validator=sizes_of(ShotReader))


def losses(reading: Reading, program: Program) -> dict[str, Tensor]:
    """The parts of the loss: cross-entropies in nats."""
    phases = program.exists.bool()
    target = one_hot(program.ways.clamp_max(2), 3).float()
    target[program.ways == UNDECIDED] = target.new_tensor([0.0, 0.5, 0.5])
    ways = -(target * reading.ways.log_softmax(-1)).sum((-1, -2))
    return {
        "exists": binary_cross_entropy_with_logits(reading.exists, program.exists.float()),
        "ways": ways[phases].mean(),
        "pointers": cross_entropy(reading.pointers.flatten(0, 2), program.pointers.flatten(), ignore_index=IGNORE),
        "tempo": cross_entropy(reading.tempo.flatten(0, 1), program.tempo.flatten(), ignore_index=IGNORE),
        "handheld": cross_entropy(reading.handheld, program.handheld),
        "subject": _subject_loss(reading.subject, program.naming(reading.subject.shape[1] - 1)),
    }


_WEIGHTS = {"exists": 2.0, "ways": 1.0, "pointers": 0.5, "tempo": 0.3, "handheld": 0.3, "subject": 0.3}


def _subject_loss(logits: Tensor, naming: Tensor) -> Tensor:
    """Cross-entropy of logits and targets (B, 1 + L), where all words that name the thing are alike and prompts for
    which they are not known count for nothing."""
    apart = -(naming * logits.log_softmax(-1)).sum(-1) / naming.sum(-1).clamp_min(1)
    return apart.sum() / naming.any(-1).sum().clamp_min(1)


def agreement(reading: Reading, program: Program) -> Tensor:
    """(B,) whether the read moves, their order and their quantities are those of the program."""
    exists = (reading.exists > 0).long().cumprod(1)
    phases = program.exists.bool()
    ways = reading.ways.argmax(-1)
    undecided = (program.ways == UNDECIDED) & (ways > 0)
    same = ((ways == program.ways) | undecided).all(-1)
    pointers = ((reading.pointers.argmax(-1) == program.pointers) | (program.pointers == IGNORE)).all(-1)
    return (exists == program.exists).all(1) & ((same & pointers) | ~phases).all(1)


@torch.inference_mode()
def held_out_scores(reader: ShotReader, bank: CaptionBank) -> dict[str, float]:
    """held_out: the share of a held-out bank that is read exactly; things: of what is pointed at in prompts that name a
    thing, the mean share that its words have; nothing: the share of the other prompts that are read so."""
    reader.eval()
    exact, pointed, first = [], [], []
    for start in range(0, len(bank), 128):
        rows = np.arange(start, min(start + 128, len(bank)))
        text, program = (value.to(reader.device) for value in bank.batch(rows))
        reading = reader(text)[1]
        chance = reading.subject.softmax(-1)
        exact.append(agreement(reading, program).float())
        pointed.append((chance * program.naming(chance.shape[1] - 1)).sum(-1))
        first.append(program.subject[:, 0])
    reader.train()
    right, place = torch.cat(pointed), torch.cat(first)
    return {
        "held_out": float(torch.cat(exact).mean()),
        "things": float(right[place > 0].mean()),
        "nothing": float((right[place == 0] > 0.5).float().mean()),
    }


def train_reader(
    settings: Config, bank: CaptionBank, work: Path, resume: bool = True, start: Path | None = None
) -> ShotReader:
    """The trained reader with its averaged weights; checkpoints and log.jsonl in `work`. start: weights to go on from,
    instead of fresh ones."""
    recipe = recipe_in(work, settings, bank.parts, resume, start)
    step_random(settings.seed, -1 % 2**31)
    reader = _fresh(settings) if start is None else finished(ShotReader, start)
    reader.train()
    tuned = list(reader.layers.parameters())
    fresh = [weight for name, weight in reader.named_parameters() if not name.startswith("layers.")]
    groups = [{"params": fresh}, {"params": tuned, "rate_factor": settings.tuning}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.02, fused=True)
    run = Run(reader, optimizer, settings.average, recipe)
    with run.accelerator.main_process_first():
        held_out = load_bank(list(corpus(held_out=True)), work / "captions")
    train(
        run,
        "reader",
        settings.steps,
        partial(_draw, bank, settings),
        partial(_step, run, settings),
        work,
        resume=resume,
        at_save=lambda: _scores(run, held_out),
    )
    return reader.eval()


def _fresh(settings: Config) -> ShotReader:
    reader = ShotReader(**settings.network)
    for layer, start in zip(reader.layers, upper_layers(), strict=False):  # a small reader takes the lower ones
        layer.load_state_dict(start.state_dict())
    return reader


def _scores(run: Run, bank: CaptionBank) -> dict[str, float]:
    """How well the averaged weights read."""
    now = {key: value.clone() for key, value in run.model.state_dict().items()}
    run.model.load_state_dict(run.average)
    scores = held_out_scores(run.model, bank)
    run.model.load_state_dict(now)
    return scores


def _draw(bank: CaptionBank, settings: Config, step: int) -> tuple[TextFeatures, Program]:
    epoch, index = divmod(step, len(bank) // settings.batch)
    rows = list(bank.batches(settings.batch, process_random(settings.seed, epoch)))[index]
    return bank.batch(rows)


def _step(run: Run, settings: Config, batch: tuple[TextFeatures, Program]) -> dict[str, float]:
    text, program = (value.to(run.device) for value in batch)
    step_random(settings.seed, run.step)  # dropout
    with sdpa_kernel(SDPBackend.MATH), run.autocast(settings.bfloat16):
        parts = losses(run.model(text)[1], program)
    run.descend(
        sum(_WEIGHTS[key] * value for key, value in parts.items()),
        learning_rate(run.step, settings.steps, settings.learning_rate),
    )
    return {key: float(value.detach()) for key, value in parts.items()}
