"""Trains the single-image depth network on rendered scenes.

dollygrip train depth --data .cache/scenes/objects --out out/depth
"""

import math
from functools import partial
from pathlib import Path

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dollygrip_backend.data.augment import disturb, mirrored_crop
from dollygrip_backend.data.scenes import SceneDataset
from dollygrip_backend.precision import autocast
from dollygrip_backend.scene.depth_network import DepthNetwork
from dollygrip_backend.training.common import Run, finished, learning_rate, read_config, recipe_in, step_random, train
from dollygrip_backend.training.muon import Muon

CONFIG = Path(__file__).with_suffix(".toml")


@attrs.frozen
class Config:
    """What `depth.toml` says; see the comments there."""

    seed: int
    steps: int
    batch: int
    sizes: list[tuple[int, int]]
    portions: list[float]
    rate: float
    decay: float
    channels: tuple[int, ...] = attrs.field(converter=tuple)
    blocks: int
    attention: int
    smallest_crop: float
    edge_weight: float
    sky_weight: float
    focal_weight: float
    level_weight: float
    save_every: int
    coarse_steps: int
    coarse_batch: int

    def __attrs_post_init__(self) -> None:
        if len(self.portions) != len(self.sizes) or not math.isclose(sum(self.portions), 1):
            raise ValueError(f"portions = {self.portions} are not one for each of sizes, or their sum is not 1")

    def network(self) -> DepthNetwork:
        """A fresh network of this size."""
        # By name: diffusers takes values given by place for defaults, which a copy by the configuration would lack.
        return DepthNetwork(channels=self.channels, blocks=self.blocks, attention=self.attention)


class ViewPool:
    """All views of a data set in memory: rgb uint8 (H, W, 3), depth float16 (H, W), focal length over width."""

    def __init__(self, scenes: SceneDataset):
        self.rgb, self.depth, self.focal = [], [], []
        for index in range(len(scenes)):
            scene = scenes[index]
            self.rgb.extend(scene.rgb)
            self.depth.extend(scene.depth.astype(np.float16))
            self.focal.extend(scene.intrinsics[:, 0] / scene.size[0])

    def __len__(self) -> int:
        return len(self.rgb)

    def batch(self, config: Config, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """picture (B, 3, H, W) in 0..1, depth (B, H, W) with inf in the sky, log_focal (B,): cropped and disturbed.

        The first `coarse_steps` are at half the size: the layout of a place is learnt there at a quarter of the cost.
        """
        random = step_random(config.seed, step)
        coarse = step < config.coarse_steps
        size = tuple(side // (1 + coarse) for side in config.sizes[random.choice(len(config.sizes), p=config.portions)])
        count = config.coarse_batch if coarse else config.batch
        pictures, depths, focals = [], [], []
        for index in random.integers(len(self), size=count):
            rgb, depth, zoom = mirrored_crop(self.rgb[index], self.depth[index], size, config.smallest_crop, random)
            pictures.append(disturb(rgb, random))
            depths.append(depth)
            focals.append(np.log(self.focal[index] * zoom))
        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        return pixels, torch.from_numpy(np.stack(depths)), torch.tensor(np.array(focals), dtype=torch.float32)


def loss_of(network: DepthNetwork, batch: tuple[Tensor, Tensor, Tensor], config: Config) -> Tensor:
    """Error of the shape, edges at four scales, sky, field of view, and metres."""
    picture, depth, log_focal = batch
    with autocast(picture.device):
        log_depth, sky, focal = network(picture)
    seen = torch.isfinite(depth)
    error = log_depth - depth.where(seen, 1.0).log()
    error, level = centred(error, seen)
    return (
        relative_loss(error, seen)
        + config.edge_weight * edge_loss(error, seen)
        + config.sky_weight * functional.binary_cross_entropy_with_logits(sky, (~seen).float())
        + config.focal_weight * functional.l1_loss(focal, log_focal)
        + config.level_weight * level.abs().mean()
    )


def centred(error: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Log error (B, H, W) without the median of what is `seen`, 0 elsewhere; and its mean (B,).

    The median is that of every third pixel. Its gradient is the mean's: spread evenly, so that the centred error says
    nothing about the scale.
    """
    sample = torch.where(seen, error.detach(), torch.nan)[:, 1::3, 1::3]
    median = sample.flatten(1).nanmedian(1).values.nan_to_num()
    mean = torch.where(seen, error, 0).sum((1, 2)) / seen.sum((1, 2)).clamp_min(1)
    middle = median + mean - mean.detach()
    return torch.where(seen, error - middle[:, None, None], 0), mean


def relative_loss(error: Tensor, seen: Tensor) -> Tensor:
    """Mean over pictures of |estimate / truth - 1| for what is put too far and of the log error for what is too near.

    The first is what AbsRel counts; under one it hardly sees how much too near a thing is, so the logarithm does.
    Beyond a factor of e the first goes on as a straight line.
    """
    far = torch.expm1(error.clamp(0, 1)) + math.e * (error - 1).clamp_min(0)
    cost = torch.where(error > 0, far, -error)
    return (cost.sum((1, 2)) / seen.sum((1, 2)).clamp_min(1)).mean()


def edge_loss(error: Tensor, seen: Tensor) -> Tensor:
    """Mean absolute difference between neighbours of the log error at 1, 1/2, 1/4, 1/8 resolution (MiDaS, eq. 11)."""
    total = error.new_zeros(())
    for step in (1, 2, 4, 8):
        e, s = error[:, ::step, ::step], seen[:, ::step, ::step]
        for axis in (1, 2):
            both = s.narrow(axis, 1, s.shape[axis] - 1) & s.narrow(axis, 0, s.shape[axis] - 1)
            total = total + (torch.diff(e, dim=axis).abs() * both).sum() / both.sum().clamp_min(1)
    return total / 4


def train_depth(config: Path, data: Path, out: Path, start: Path | None = None, resume: bool = True) -> None:
    """Train by `config` on the scenes in `data`; the weights land in `out`, with checkpoints.

    A killed run goes on from its last checkpoint unless `resume` is false. start: weights to go on from, instead of
    fresh ones, whatever the network's size in `config`. Raises InputError where there is no data, where the
    configuration is not one, or where `out` holds a checkpoint of another recipe.
    """
    settings = read_config(config, Config)
    scenes = SceneDataset(data)
    recipe = recipe_in(out, settings, scenes.contents, resume, start)
    pool = ViewPool(scenes)
    torch.manual_seed(settings.seed)
    network = finished(DepthNetwork, start) if start else settings.network()
    run = Run(network, Muon(network, apart=("stem", "head")), settings.decay, recipe)
    train(
        run,
        "depth",
        settings.steps,
        partial(pool.batch, settings),
        partial(_step, run, settings),
        out,
        settings.save_every,
        resume,
        at_save=lambda: run.ship(out),
    )


def _step(run: Run, settings: Config, batch: tuple[Tensor, Tensor, Tensor]) -> dict[str, float]:
    loss = loss_of(run.model, tuple(tensor.to(run.device) for tensor in batch), settings)
    run.descend(loss, learning_rate(run.step, settings.steps, settings.rate))
    return {"loss": loss.item()}
