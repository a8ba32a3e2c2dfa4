"""Trains the embedded engine's in-painter on rendered scenes, where every camera's true frame is known.

    dollygrip train embedded --data .cache/scenes/train --out out/embedded

A sample: the 3D cache of one true view, rendered at another view's pose, with the holes that the engine would find
there, and the other view's true picture as the answer. A share gets made-up holes, such as a panning camera uncovers.
"""

from pathlib import Path

import attrs
import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from dollygrip.errors import InputError
from dollygrip_backend.data.scenes import Scene, SceneDataset
from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.training.common import Run, learning_rate, read_config, step_random, train
from dollygrip_backend.video.fill import RIM, fill_holes, grow
from dollygrip_backend.video.inpainter import InPaintingNetwork, encode_condition

CONFIG = Path(__file__).with_suffix(".toml")
HOLE_RANGE = (0.01, 0.6)  # hole fractions that are worth learning from


@attrs.frozen
class Config:
    """What `embedded.toml` says; see the comments there."""

    seed: int
    steps: int
    batch: int
    crop: tuple[int, int]
    rate: float
    decay: float
    channels: tuple[int, ...] = attrs.field(converter=tuple)
    noise: float
    fresh: float
    sampling_steps: int
    pairs_per_scene: int
    synthetic_holes: float


@attrs.frozen(eq=False)
class Pair:
    """One true frame with a guide: truth uint8 (3, h, w), hole bool (h, w), and the guide with its holes filled:

    fill uint8 (3, h, w), disparity float16 (h, w) relative to the median of the known.
    """

    truth: Tensor
    hole: Tensor
    fill: Tensor
    disparity: Tensor


def make_pair(scene: Scene, i: int, j: int) -> Pair:
    """View j with the guide that a cache of view i gives."""
    cache = SceneCache.from_view(scene.rgb[i], scene.depth[i], scene.c2w[i], scene.intrinsics[i])
    guide, disparity = cache.render_tensors(scene.c2w[j], scene.intrinsics[j], scene.size)
    return _pair(torch.from_numpy(scene.rgb[j]), guide, disparity, grow(disparity < 0, RIM))


def _pair(truth: Tensor, guide: Tensor, disparity: Tensor, hole: Tensor) -> Pair:
    fill, filled = fill_holes(guide, disparity, hole)
    median = filled[~hole].median() if not hole.all() else torch.tensor(1.0)
    return Pair(
        truth.permute(2, 0, 1).contiguous(),
        hole,
        fill.permute(2, 0, 1).round().clamp(0, 255).to(torch.uint8).contiguous(),
        (filled / median.clamp_min(1e-12)).clamp(0, 1000).half(),
    )


def collect_pairs(data: Path, config: Config) -> list[Pair]:
    """Pairs of every scene, drawn by the config's seed; without those that have hardly a hole or guide."""
    random = np.random.default_rng(config.seed)
    scenes, pairs = SceneDataset(data), []
    for index in track(range(len(scenes)), "Guides"):
        scene = scenes[index]
        for _ in range(config.pairs_per_scene):
            i, j = random.choice(len(scene), 2, replace=False)
            pair = make_pair(scene, i, j)
            if HOLE_RANGE[0] < float(pair.hole.float().mean()) < HOLE_RANGE[1]:
                pairs.append(pair)
    return pairs


def draw_batch(pairs: list[Pair], config: Config, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """truth (B, 3, h, w) in -1..1 and condition (B, 5, h, w): crops, mirrored, recoloured, some with made-up holes."""
    crop = config.crop if random.random() < 0.5 else config.crop[::-1]
    truths, fills, holes, disparities = [], [], [], []
    while len(truths) < config.batch:
        pair = _crop(pairs[random.integers(len(pairs))], crop, random)
        if random.random() < config.synthetic_holes:
            pair = _with_hole(pair, synthetic_hole(crop, random))
        if not 0.005 < float(pair.hole.float().mean()) < 0.9:
            continue
        mirror = (lambda x: x.flip(-1)) if random.random() < 0.5 else (lambda x: x)
        recolour = _recolouring(random)
        truths.append(recolour(mirror(pair.truth)))
        fills.append(recolour(mirror(pair.fill)))
        holes.append(mirror(pair.hole))
        disparities.append(mirror(pair.disparity.float()))
    return torch.stack(truths), encode_condition(torch.stack(fills), torch.stack(holes), torch.stack(disparities))


def synthetic_hole(size: tuple[int, int], random: np.random.Generator) -> Tensor:
    """bool (h, w): a slanted band along one side or two, as pans, tilts and rolls uncover."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None]
    hole = np.zeros((height, width), bool)
    for _ in range(random.integers(1, 3)):
        share, slant = random.uniform(0.05, 0.5), random.uniform(-0.3, 0.3)
        a, b = ((x, y), (1 - x, y), (y, x), (1 - y, x))[random.integers(4)]
        hole |= a < share + slant * (b - 0.5)
    return torch.from_numpy(hole)


def _crop(pair: Pair, size: tuple[int, int], random: np.random.Generator) -> Pair:
    width, height = size
    top = random.integers(max(pair.hole.shape[0] - height, 0) + 1)
    left = random.integers(max(pair.hole.shape[1] - width, 0) + 1)
    return Pair(*(x[..., top : top + height, left : left + width] for x in attrs.astuple(pair, recurse=False)))


def _with_hole(pair: Pair, hole: Tensor) -> Pair:
    """The true frame with a made-up hole instead of the real one. Its disparity is the guide's, filled anew."""
    guide = pair.truth.permute(1, 2, 0).float()
    return _pair(pair.truth.permute(1, 2, 0), guide, pair.disparity.float(), hole)


def _recolouring(random: np.random.Generator):
    """One random change of colours for a truth and its fill, uint8 (3, h, w) -> float in -1..1."""
    order = torch.from_numpy(random.permutation(3) if random.random() < 0.5 else np.arange(3))
    gamma, gain = random.uniform(0.7, 1.4), torch.from_numpy(random.uniform(0.8, 1.1, (3, 1, 1))).float()
    return lambda rgb: ((rgb[order].float() / 255) ** gamma * gain).clamp(0, 1) * 2 - 1


def loss_of(network: torch.nn.Module, truth: Tensor, condition: Tensor, config: Config) -> Tensor:
    """Mean squared error of the expected picture inside the holes, at random times.

    A share of the samples is at time 1, where the mixture says nothing yet: that is the hard part, and the first of the
    few steps of sampling.
    """
    fill, hole, noise = condition[:, :3], condition[:, 3:4] > 0, config.noise
    time = torch.where(torch.rand(len(truth)) < config.fresh, 1.0, torch.rand(len(truth)))
    at = time[:, None, None, None]
    mixture = torch.where(hole, at * (fill + noise * torch.randn_like(fill)) + (1 - at) * truth, fill)
    with torch.autocast("cpu", torch.bfloat16):
        picture = network(mixture, condition, time)
    error = (picture.float() - truth).square() * hole
    return error.sum() / (3 * hole.sum()).clamp_min(1)


def train_embedded(config: Path, data: Path, out: Path) -> None:
    """Train by `config` on the scenes in `data`; the weights land in `out`, resumable until they do.

    Raises InputError where there is no data.
    """
    settings = read_config(config, Config)
    pairs = collect_pairs(data, settings)
    if not pairs:
        raise InputError(f"No pair of views in {data} has holes to learn from.", "Render scenes with moving cameras.")
    torch.manual_seed(settings.seed)
    network = InPaintingNetwork(settings.channels, settings.noise, settings.sampling_steps)
    run = Run(network, torch.optim.AdamW(network.parameters(), weight_decay=0.01), decay=settings.decay)
    train(
        run,
        "in-painter",
        settings.steps,
        lambda: _step(run, pairs, settings),
        out,
        250,
        at_save=lambda: save_weights(run, settings, out),
    )


def _step(run: Run, pairs: list, settings: Config) -> dict[str, float]:
    """One step on the batch that belongs to the run's step number."""
    truth, condition = draw_batch(pairs, settings, step_random(settings.seed, run.step))
    loss = loss_of(run.model, truth, condition, settings)
    run.descend(loss, learning_rate(run.step, settings.steps, settings.rate))
    return {"loss": loss.item()}


def save_weights(run: Run, settings: Config, out: Path) -> None:
    """Write the moving average in half precision, as diffusers stores a model, with what sampling needs."""
    network = InPaintingNetwork(settings.channels, settings.noise, settings.sampling_steps)
    network.load_state_dict(run.average)
    network.half().save_pretrained(out)
