"""Trains the embedded engine's in-painter on rendered scenes, where every camera's true frame is known.

    dollygrip train embedded --data .cache/scenes/train --out out/embedded

A sample: the 3D cache of one true view, seen and filled at another view's pose as the engine does it (`video.guide`),
and the other view's true picture as the answer. A share gets made-up holes, such as a panning camera uncovers.
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
from dollygrip_backend.training.muon import Muon
from dollygrip_backend.training.similarity import ssim_map
from dollygrip_backend.video.fill import fill_holes
from dollygrip_backend.video.guide import FilledGuide
from dollygrip_backend.video.inpainter import InPaintingNetwork, encode_condition

CONFIG = Path(__file__).with_suffix(".toml")
HOLE_RANGE = (0.01, 0.6)  # hole fractions that are worth learning from
NEGLIGIBLE = 1e-3  # squared error, colours in -1..1, below which less is not worth more


@attrs.frozen
class Config:
    """What `embedded.toml` says; see the comments there."""

    seed: int
    steps: int
    batch: int
    rate: float
    decay: float
    channels: tuple[int, ...] = attrs.field(converter=tuple)
    block: int
    caches_per_scene: int
    views_per_cache: int
    synthetic_holes: float
    structure: float


@attrs.frozen(eq=False)
class Pair:
    """One true frame with a guide: truth uint8 (3, h, w), hole bool (h, w), and the guide with its holes filled:

    fill uint8 (3, h, w), disparity float16 (h, w) relative to the median of the known; uncovered bool (h, w), what of
    the hole is seen in the frame.
    """

    truth: Tensor
    hole: Tensor
    fill: Tensor
    disparity: Tensor
    uncovered: Tensor


def make_pair(cache: SceneCache, scene: Scene, j: int) -> Pair:
    """View j with the guide that a cache of other views gives."""
    guide = FilledGuide.seen(cache, (scene.c2w[j], scene.intrinsics[j]), scene.size)
    return _pair(torch.from_numpy(scene.rgb[j]), guide.rgb, guide.disparity, guide.hole, guide.uncovered())


def _pair(truth: Tensor, fill: Tensor, disparity: Tensor, hole: Tensor, uncovered: Tensor) -> Pair:
    median = disparity[~hole].median() if not hole.all() else torch.tensor(1.0)
    return Pair(
        truth.permute(2, 0, 1).contiguous(),
        hole,
        fill.permute(2, 0, 1).round().clamp(0, 255).to(torch.uint8).contiguous(),
        (disparity / median.clamp_min(1e-12)).clamp(0, 1000).half(),
        uncovered,
    )


def collect_pairs(data: Path, config: Config) -> list[Pair]:
    """Pairs of every scene, drawn by the config's seed; without those that have hardly a hole or guide."""
    random = np.random.default_rng(config.seed)
    scenes, pairs = SceneDataset(data), []
    for index in track(range(len(scenes)), "Guides"):
        scene = scenes[index]
        for i in random.permutation(len(scene))[: config.caches_per_scene]:
            cache = SceneCache.from_view(scene.rgb[i], scene.depth[i], scene.c2w[i], scene.intrinsics[i])
            others = random.permutation([j for j in range(len(scene)) if j != i])
            pairs += [make_pair(cache, scene, j) for j in others[: config.views_per_cache]]
    shares = (float(pair.uncovered.float().mean()) for pair in pairs)
    return [pair for pair, share in zip(pairs, shares, strict=True) if HOLE_RANGE[0] < share < HOLE_RANGE[1]]


def draw_batch(pairs: list[Pair], config: Config, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """truth (B, 3, h, w) in -1..1, condition (B, 6, h, w) and bool (B, h, w), where the answer counts.

    All are wide or all are high; mirrored, recoloured, some with made-up holes.
    """
    shape, truths, fills, masks, disparities = None, [], [], [], []
    while len(truths) < config.batch:
        pair = pairs[random.integers(len(pairs))]
        if shape not in (None, pair.hole.shape):
            continue
        if random.random() < config.synthetic_holes:
            pair = _with_hole(pair, synthetic_hole(pair.hole.shape[::-1], random))
        if not 0.005 < float(pair.uncovered.float().mean()) < 0.9:
            continue
        shape = pair.hole.shape
        mirror = (lambda x: x.flip(-1)) if random.random() < 0.5 else (lambda x: x)
        recolour = _recolouring(random)
        truths.append(recolour(mirror(pair.truth)))
        fills.append(recolour(mirror(pair.fill)))
        masks.append(mirror(torch.stack([pair.hole, pair.uncovered])))
        disparities.append(mirror(pair.disparity.float()))
    hole, uncovered = torch.stack(masks, 1)
    return torch.stack(truths), encode_condition(torch.stack(fills), hole, torch.stack(disparities)), uncovered


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


def _with_hole(pair: Pair, hole: Tensor) -> Pair:
    """The true frame with a made-up hole instead of the real one. Its disparity is the guide's, filled anew."""
    truth = pair.truth.permute(1, 2, 0)
    return _pair(truth, *fill_holes(truth.float(), pair.disparity.float(), hole), hole, hole)


def _recolouring(random: np.random.Generator):
    """One random change of colours for a truth and its fill, uint8 (3, h, w) -> float in -1..1."""
    order = torch.from_numpy(random.permutation(3) if random.random() < 0.5 else np.arange(3))
    gamma, gain = random.uniform(0.7, 1.4), torch.from_numpy(random.uniform(0.8, 1.1, (3, 1, 1))).float()
    return lambda rgb: ((rgb[order].float() / 255) ** gamma * gain).clamp(0, 1) * 2 - 1


def errors_in(picture: Tensor, truth: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """Of pictures (B, 3, h, w) in -1..1 where told, bool (B, h, w): mean squared error and 1 - SSIM, each (B,)."""
    count = where.sum((1, 2)).clamp_min(1)
    squared = ((picture - truth).square().mean(1) * where).sum((1, 2)) / count
    unlike = ((1 - ssim_map(*((x + 1) * 127.5 for x in (picture, truth)))) * where).sum((1, 2)) / count
    return squared, unlike


def train_embedded(config: Path, data: Path, out: Path) -> None:
    """Train by `config` on the scenes in `data`; the weights land in `out`, resumable until they do.

    Raises InputError where there is no data.
    """
    settings = read_config(config, Config)
    pairs = collect_pairs(data, settings)
    if not pairs:
        raise InputError(f"No pair of views in {data} has holes to learn from.", "Render scenes with moving cameras.")
    torch.manual_seed(settings.seed)
    network = InPaintingNetwork(settings.channels, settings.block).to(memory_format=torch.channels_last)
    run = Run(network, Muon(network, apart=("unet.conv_in", "unet.conv_out")), decay=settings.decay)
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
    """One step on the batch that belongs to the run's step number.

    The logarithm of the error makes every picture's decibels count alike, however hard it is.
    """
    truth, condition, where = draw_batch(pairs, settings, step_random(settings.seed, run.step))
    with torch.autocast("cpu", torch.bfloat16):
        picture = run.model(condition)
    squared, unlike = errors_in(picture.float(), truth, where)
    loss = (squared + NEGLIGIBLE).log10().mean() + settings.structure * unlike.mean()
    run.descend(loss, learning_rate(run.step, settings.steps, settings.rate))
    before, _ = errors_in(condition[:, :3], truth, where)
    gain = 10 * (before.log10() - squared.detach().log10()).mean()
    return {"loss": loss.item(), "dB over the fill": gain.item()}


def save_weights(run: Run, settings: Config, out: Path) -> None:
    """Write the moving average in half precision, as diffusers stores a model, with what sampling needs."""
    network = InPaintingNetwork(settings.channels, settings.block)
    network.load_state_dict(run.average)
    network.half().save_pretrained(out)
