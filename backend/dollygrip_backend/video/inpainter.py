"""The diffusion in-painter: what might be seen in the holes of a guide, at a small working size.

A flow from the classical fill to the truth (stochastic interpolants with data-dependent couplings, Albergo 2024): at
time 1 a hole holds the fill plus noise, at time 0 the picture, in between their mixture; a U-Net is trained to expect
the picture, which gives the velocity that a few Euler steps of diffusers' flow matching scheduler walk. Starting from
the fill instead of pure noise leaves little way to go, so a small network does. Known pixels are put back every step.

The U-Net sees 2x2 pixel blocks of [mixture, fill, hole, disparity], all of the same frame: the reference speaks through
the guide, whose known pixels are the reference's own, moved.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import ConfigMixin, FlowMatchEulerDiscreteScheduler, ModelMixin, UNet2DModel
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, pixel_shuffle, pixel_unshuffle

from dollygrip.errors import DollygripError

BLOCK = 2  # pixels per side of what the network sees as one position
CONDITION = 5  # fill (3), hole, disparity
WORKING_SIDE = 256  # pixels of the longer side that the network works at

SHIPPED = Path(__file__).parents[1] / "weights" / "embedded"


class InPaintingNetwork(ModelMixin, ConfigMixin):
    """Expects the picture from a point of the flow. A diffusers model: `save_pretrained`, `from_pretrained`.

    channels: of the U-Net's levels, each with one residual block, attention at the coarsest; noise: standard deviation
    around the fill at time 1, colours in -1..1; steps: Euler steps to sample with.
    """

    @register_to_config
    def __init__(self, channels: tuple[int, ...] = (32, 64, 128, 160), noise: float = 0.5, steps: int = 1):
        super().__init__()
        levels = len(channels)
        self.unet = UNet2DModel(
            in_channels=(3 + CONDITION) * BLOCK**2,
            out_channels=3 * BLOCK**2,
            block_out_channels=tuple(channels),
            layers_per_block=1,
            down_block_types=("DownBlock2D",) * (levels - 1) + ("AttnDownBlock2D",),
            up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * (levels - 1),
            norm_num_groups=8,
            attention_head_dim=32,
        )
        nn.init.zeros_(self.unet.conv_out.weight)  # untrained, it leaves the fill alone
        nn.init.zeros_(self.unet.conv_out.bias)

    @property
    def multiple(self) -> int:
        """Pixels that both sides of its input must be a multiple of."""
        return BLOCK * 2 ** (len(self.config.channels) - 1)

    def forward(self, mixture: Tensor, condition: Tensor, time: Tensor) -> Tensor:
        """Mixture (B, 3, h, w) at times (B,) in 0..1, condition (B, 5, h, w) -> the picture expected, (B, 3, h, w).

        Predicted as a correction of the fill, the picture never contains left-over noise.
        """
        blocks = pixel_unshuffle(torch.cat([mixture, condition], 1), BLOCK)
        return condition[:, :3] + pixel_shuffle(self.unet(blocks, time * 1000).sample, BLOCK)


def encode_condition(fill: Tensor, hole: Tensor, disparity: Tensor) -> Tensor:
    """fill (B, 3, h, w) in -1..1, hole bool (B, h, w), disparity >= 0 (B, h, w) without holes -> (B, 5, h, w).

    Disparity is taken relative to the median of what is known and squeezed to -1..1: near is 1, the median 0, sky -1.
    """
    known = torch.where(hole, torch.nan, disparity).flatten(1).nanmedian(1).values
    relative = disparity / known.nan_to_num(1.0).clamp_min(1e-12)[:, None, None]
    squeezed = (relative - 1) / (relative + 1)
    return torch.cat([fill, hole[:, None].float() * 2 - 1, squeezed[:, None]], 1)


class InPainter:
    """The trained network with its schedule. Made by `load`."""

    def __init__(self, network: InPaintingNetwork, device: torch.device | str = "cpu"):
        self.network = network.to(device).eval()
        self.device = torch.device(device)

    @classmethod
    def load(cls, device: torch.device | str = "cpu", folder: Path = SHIPPED) -> "InPainter":
        """Load weights saved by `training.embedded`. Raises DollygripError, kind "weights", where they are missing."""
        try:
            network = InPaintingNetwork.from_pretrained(folder, torch_dtype=torch.float32)
        except OSError as error:
            raise DollygripError(
                f"The embedded engine's weights in {folder} cannot be read.", "Install the backend again.", "weights"
            ) from error
        return cls(network, device)

    @torch.inference_mode()
    def paint(
        self,
        fill: Tensor,
        disparity: Tensor,
        hole: Tensor,
        generator: torch.Generator,
        tick: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """The picture (h, w, 3) in 0..255, of any size: known pixels as in `fill`, holes painted.

        fill float (h, w, 3) in 0..255 and disparity (h, w), both from `fill_holes`; hole bool (h, w). The network works
        at WORKING_SIDE; its correction to the fill is enlarged, so edges that the fill has stay as sharp. `tick` is
        called before every step and may raise.
        """
        height, width = hole.shape
        small = working_size(width, height)
        # Holes are widened to whole working pixels, so that no hole colour counts as known.
        condition = encode_condition(
            _resize(fill.permute(2, 0, 1)[None] / 127.5 - 1, small),
            interpolate(hole[None, None].float(), small[::-1], mode="area")[:, 0] > 0,
            _resize(disparity[None, None], small)[:, 0],
        )
        painted = self.sample(condition, generator, tick)
        correction = (painted - condition[:, :3]) * 127.5
        correction = interpolate(correction, (height, width), mode="bicubic", align_corners=False)
        return torch.where(hole[..., None], fill + correction[0].permute(1, 2, 0), fill).clamp(0, 255)

    def sample(self, condition: Tensor, generator: torch.Generator, tick: Callable[[], None] = lambda: None) -> Tensor:
        """The pictures (B, 3, h, w) in -1..1 for a condition of `encode_condition`; sides need not be multiples."""
        fill, hole = condition[:, :3], condition[:, 3:4] > 0
        steps, multiple = self.network.config.steps, self.network.multiple
        margin = (0, -fill.shape[3] % multiple, 0, -fill.shape[2] % multiple)
        padded = pad(condition, margin, mode="replicate")
        scheduler = FlowMatchEulerDiscreteScheduler()
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1.0 / steps, steps), device=self.device)
        noise = torch.randn(fill.shape, generator=generator).to(fill)
        x = torch.where(hole, fill + self.network.config.noise * noise, fill)
        for t in scheduler.timesteps:
            tick()
            time = (t / scheduler.config.num_train_timesteps).expand(len(x)).to(x)
            picture = self.network(pad(x, margin, mode="replicate"), padded, time)
            velocity = (x - picture[..., : fill.shape[2], : fill.shape[3]]) / time[:, None, None, None]
            x = torch.where(hole, scheduler.step(velocity, t, x, return_dict=False)[0], fill)
        return x


def working_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) at which the network works; never larger than the picture."""
    scale = min(1.0, WORKING_SIDE / max(width, height))
    return max(8, round(width * scale)), max(8, round(height * scale))


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    return interpolate(x, size[::-1], mode="area")
