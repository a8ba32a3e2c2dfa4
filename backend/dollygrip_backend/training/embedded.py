"""Trains the embedded engine's in-painter on rendered scenes, where every camera's true frame is known.

    dollygrip train embedded --data .cache/scenes/objects --out out/embedded

A sample: the 3D cache of one true view, seen and filled at another view's pose as the engine does it (`video.guide`),
and the other view's true picture as the answer. A share gets made-up holes, such as a panning camera uncovers.
"""

import os
from functools import partial
from pathlib import Path

import attrs
import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from dollygrip.errors import InputError
from dollygrip_backend.data.scenes import Scene, SceneDataset
from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.scene.median import median_depth
from dollygrip_backend.training.common import (
    Run,
    drawn_ahead,
    finished,
    learning_rate,
    moved,
    read_config,
    recipe_in,
    step_random,
    train,
)
from dollygrip_backend.training.muon import Muon
from dollygrip_backend.training.similarity import ssim_map
from dollygrip_backend.video.fill import fill_holes
from dollygrip_backend.video.guide import FilledGuide
from dollygrip_backend.video.inpainter import MIRRORED_RAYS, NOISE, InPaintingNetwork, encode_condition, plucker_rays

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
    layers: int
    block: int
    caches_per_scene: int
    views_per_cache: int
    synthetic_holes: float
    pure_noise: float
    structure: float

    def network(self) -> InPaintingNetwork:
        """A fresh network of this size."""
        return InPaintingNetwork(channels=self.channels, layers=self.layers, block=self.block)


@attrs.frozen(eq=False)
class Pair:
    """One true frame with a guide: truth uint8 (3, h, w), hole bool (h, w), and the guide with its holes filled:

    fill uint8 (3, h, w), disparity float16 (h, w) relative to the median of the known; uncovered bool (h, w), what of
    the hole is seen in the frame; reference uint8 (3, h, w), which the guide was made from; rays float16 (6, h, w).
    """

    truth: np.ndarray
    hole: np.ndarray
    fill: np.ndarray
    disparity: np.ndarray
    uncovered: np.ndarray
    reference: np.ndarray
    rays: np.ndarray


def make_pair(cache: SceneCache, scene: Scene, i: int, j: int) -> Pair:
    """View j with the guide that the cache of view i gives."""
    guide = FilledGuide.seen(cache, (scene.c2w[j], scene.intrinsics[j]), scene.size)
    unit = median_depth(scene.depth[i])
    pose = np.linalg.inv(scene.c2w[i]) @ scene.c2w[j]
    return Pair(
        truth=_planes(scene.rgb[j]),
        uncovered=guide.uncovered().numpy(),
        reference=_planes(scene.rgb[i]),
        rays=plucker_rays(pose, scene.intrinsics[j], scene.size, unit).numpy().astype(np.float16),
        **_filled(guide.rgb, guide.disparity, guide.hole),
    )


def _planes(rgb: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rgb.transpose(2, 0, 1))


def _filled(rgb: Tensor, disparity: Tensor, hole: Tensor) -> dict[str, np.ndarray]:
    """What a pair keeps of a guide whose holes are filled."""
    median = disparity[~hole].median() if not hole.all() else torch.tensor(1.0)
    return {
        "hole": hole.numpy(),
        "fill": rgb.permute(2, 0, 1).round().clamp(0, 255).to(torch.uint8).contiguous().numpy(),
        "disparity": (disparity / median.clamp_min(1e-12)).clamp(0, 1000).half().numpy(),
    }


def collect_pairs(scenes: SceneDataset, config: Config) -> list[Pair]:
    """Pairs of every scene, drawn by the config's seed; without those that have hardly a hole or guide."""
    drawn = drawn_ahead(partial(_pairs_of, scenes, config), range(len(scenes)), os.cpu_count() or 1)
    return [pair for pairs in track(drawn, "Guides", len(scenes)) for pair in pairs]


def _pairs_of(scenes: SceneDataset, config: Config, index: int) -> list[Pair]:
    random = np.random.default_rng((config.seed, index))
    scene, pairs = scenes[index], []
    for i in random.permutation(len(scene))[: config.caches_per_scene]:
        if not np.isfinite(scene.depth[i]).any():
            continue
        cache = SceneCache.from_view(scene.rgb[i], scene.depth[i], scene.c2w[i], scene.intrinsics[i])
        others = random.permutation([j for j in range(len(scene)) if j != i])
        pairs += [make_pair(cache, scene, i, j) for j in others[: config.views_per_cache]]
    return [pair for pair in pairs if HOLE_RANGE[0] < pair.uncovered.mean() < HOLE_RANGE[1]]


@attrs.frozen(eq=False)
class Batch:
    """truth (B, 3, h, w) in -1..1, condition (B, 14, h, w), where bool (B, h, w) the answer counts, noisy (B, 3, h, w)
    the correction with noise, time (B,) how much of it is noise."""

    truth: Tensor
    condition: Tensor
    where: Tensor
    noisy: Tensor
    time: Tensor


def draw_batch(pairs: list[Pair], config: Config, step: int) -> Batch:
    """The batch of a step: all wide or all high; mirrored, recoloured, some with made-up holes."""
    random = step_random(config.seed, step)
    chosen: list[Pair] = []
    while len(chosen) < config.batch:
        pair = pairs[random.integers(len(pairs))]
        if chosen and chosen[0].hole.shape != pair.hole.shape:
            continue
        if random.random() < config.synthetic_holes:
            pair = _with_hole(pair, synthetic_hole(pair.hole.shape[::-1], random))
        if 0.005 < pair.uncovered.mean() < 0.9:
            chosen.append(mirrored(pair) if random.random() < 0.5 else pair)
    truth, fill, reference = (
        torch.stack(planes)
        for planes in zip(*(_recoloured([p.truth, p.fill, p.reference], random) for p in chosen), strict=True)
    )
    hole, uncovered, disparity, rays = (
        torch.from_numpy(np.stack([getattr(pair, name) for pair in chosen]))
        for name in ("hole", "uncovered", "disparity", "rays")
    )
    time = torch.rand(len(chosen))
    time = torch.where(torch.rand(len(chosen)) < config.pure_noise, 1.0, time)
    share = time[:, None, None, None]
    noisy = (1 - share) * (truth - fill) + share * NOISE * torch.randn(truth.shape)
    condition = encode_condition(fill, hole, disparity.float(), rays.float(), reference)
    return Batch(truth, condition, uncovered, noisy * hole[:, None], time)


def mirrored(pair: Pair) -> Pair:
    """Left for right."""
    turned = {field.name: getattr(pair, field.name)[..., ::-1] for field in attrs.fields(Pair)}
    turned["rays"] = turned["rays"] * np.array(MIRRORED_RAYS, np.float16)[:, None, None]
    return Pair(**{name: np.ascontiguousarray(values) for name, values in turned.items()})


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
    rgb = torch.from_numpy(pair.truth).permute(1, 2, 0).float()
    disparity = torch.from_numpy(pair.disparity).float()
    filled = _filled(*fill_holes(rgb, disparity, hole), hole)
    return attrs.evolve(pair, uncovered=hole.numpy(), **filled)


def _recoloured(pictures: list[np.ndarray], random: np.random.Generator) -> list[Tensor]:
    """One random change of colours for pictures uint8 (3, h, w) -> float in -1..1."""
    order = torch.from_numpy(random.permutation(3) if random.random() < 0.5 else np.arange(3))
    gamma, gain = random.uniform(0.7, 1.4), torch.from_numpy(random.uniform(0.8, 1.1, (3, 1, 1))).float()
    return [((torch.from_numpy(rgb)[order].float() / 255) ** gamma * gain).clamp(0, 1) * 2 - 1 for rgb in pictures]


def errors_in(picture: Tensor, truth: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """Of pictures (B, 3, h, w) in -1..1 where told, bool (B, h, w): mean squared error and 1 - SSIM, each (B,)."""
    count = where.sum((1, 2)).clamp_min(1)
    squared = ((picture - truth).square().mean(1) * where).sum((1, 2)) / count
    unlike = ((1 - ssim_map(*((x + 1) * 127.5 for x in (picture, truth)))) * where).sum((1, 2)) / count
    return squared, unlike


def train_embedded(config: Path, data: Path, out: Path, start: Path | None = None, resume: bool = True) -> None:
    """Train by `config` on the scenes in `data`; the weights land in `out`, with checkpoints.

    A killed run goes on from its last checkpoint unless `resume` is false. start: weights to go on from, instead of
    fresh ones. Raises InputError where there is no data, where the configuration is not one, or where `out` holds a
    checkpoint of another recipe.
    """
    settings = read_config(config, Config)
    scenes = SceneDataset(data)
    recipe = recipe_in(out, settings, scenes.contents, resume, start)
    pairs = collect_pairs(scenes, settings)
    if not pairs:
        raise InputError(f"No pair of views in {data} has holes to learn from.", "Render scenes with moving cameras.")
    torch.manual_seed(settings.seed)
    network = finished(InPaintingNetwork, start) if start else settings.network()
    network = network.to(memory_format=torch.channels_last)
    run = Run(network, Muon(network, apart=("unet.conv_in", "unet.conv_out")), settings.decay, recipe)
    train(
        run,
        "in-painter",
        settings.steps,
        partial(draw_batch, pairs, settings),
        partial(_step, run, settings),
        out,
        100,
        resume,
        at_save=lambda: run.ship(out),
    )


def _step(run: Run, settings: Config, batch: Batch) -> dict[str, float]:
    """One step; the logarithm of the error makes every picture's decibels count alike, however hard it is."""
    batch = moved(batch, run.device)
    fill = batch.condition[:, :3]
    with run.autocast(True):
        correction = run.model(batch.condition, batch.noisy, batch.time)
    squared, unlike = errors_in(fill + correction.float(), batch.truth, batch.where)
    loss = (squared + NEGLIGIBLE).log10().mean() + settings.structure * unlike.mean()
    run.descend(loss, learning_rate(run.step, settings.steps, settings.rate))
    before, _ = errors_in(fill, batch.truth, batch.where)
    gain, blind = 10 * ((before + NEGLIGIBLE) / (squared.detach() + NEGLIGIBLE)).log10(), batch.time == 1
    gain = (gain * blind).sum() / blind.sum().clamp_min(1)
    return {"loss": loss.item(), "dB over the fill": gain.item()}
