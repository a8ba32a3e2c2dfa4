"""The in-painter: what is most likely to be seen in the holes of a guide, at a small working size.

A U-Net corrects the classical fill. Starting from the fill leaves little way to go, and the guide around a hole is the
reference's own pixels, moved, so a small network does. It gives one answer, the expected picture: no noise goes in, so
what is painted does not flicker with a seed. It sees blocks of pixels, attends over the whole frame at its coarser
levels, and all it is told is of the same frame: fill, hole, disparity and height in the frame.
"""

from pathlib import Path

import torch
from diffusers import ConfigMixin, ModelMixin, UNet2DModel
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, pixel_shuffle, pixel_unshuffle

from dollygrip.errors import DollygripError

CONDITION = 6  # fill (3), hole, disparity, height in the frame
ATTENTION_LEVELS = 2  # the coarsest
WORKING_SIDE = 160  # pixels of the longer side that the network works at, those of the scenes it is trained on


class InPaintingNetwork(ModelMixin, ConfigMixin):
    """Expects the picture from the condition. A diffusers model: `save_pretrained`, `from_pretrained`.

    channels: of the U-Net's levels, each with one residual block; block: pixels per side of one of its positions.
    """

    @register_to_config
    def __init__(self, channels: tuple[int, ...] = (48, 96, 160), block: int = 4):
        super().__init__()
        plain = len(channels) - ATTENTION_LEVELS
        self.unet = UNet2DModel(
            in_channels=CONDITION * block**2,
            out_channels=3 * block**2,
            block_out_channels=tuple(channels),
            layers_per_block=1,
            down_block_types=("DownBlock2D",) * plain + ("AttnDownBlock2D",) * ATTENTION_LEVELS,
            up_block_types=("AttnUpBlock2D",) * ATTENTION_LEVELS + ("UpBlock2D",) * plain,
            norm_num_groups=8,
            attention_head_dim=32,
        )
        nn.init.zeros_(self.unet.conv_out.weight)  # untrained, it leaves the fill alone
        nn.init.zeros_(self.unet.conv_out.bias)

    def forward(self, condition: Tensor) -> Tensor:
        """condition (B, 6, h, w) of `encode_condition`, of any size -> the picture, (B, 3, h, w) in -1..1.

        What is known stays as it is in the condition.
        """
        block, (height, width) = self.config.block, condition.shape[2:]
        multiple = block * 2 ** (len(self.config.channels) - 1)
        padded = pad(condition, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        # The U-Net's time is that of a diffusion model; here there is but one.
        correction = pixel_shuffle(self.unet(pixel_unshuffle(padded, block), 0).sample, block)[..., :height, :width]
        return condition[:, :3] + torch.where(condition[:, 3:4] > 0, correction, 0)


def encode_condition(fill: Tensor, hole: Tensor, disparity: Tensor) -> Tensor:
    """fill (B, 3, h, w) in -1..1, hole bool (B, h, w), disparity >= 0 (B, h, w) without holes -> (B, 6, h, w).

    Disparity is taken relative to the median of what is known and squeezed to -1..1: near is 1, the median 0, sky -1.
    """
    known = torch.where(hole, torch.nan, disparity).flatten(1).nanmedian(1).values
    relative = disparity / known.nan_to_num(1.0).clamp_min(1e-12)[:, None, None]
    squeezed = (relative - 1) / (relative + 1)
    height = torch.linspace(1, -1, hole.shape[1], device=fill.device)[None, :, None].expand_as(squeezed)
    return torch.cat([fill, torch.stack([hole.float() * 2 - 1, squeezed, height], 1)], 1)


class InPainter:
    """The trained network. Made by `load`."""

    def __init__(self, network: InPaintingNetwork, device: torch.device | str = "cpu"):
        self.network = network.to(device).eval()

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu") -> "InPainter":
        """Load weights saved by `training.embedded`. Raises DollygripError, kind "weights", where they are missing."""
        try:
            network = InPaintingNetwork.from_pretrained(folder, torch_dtype=torch.float32)
        except OSError as error:
            raise DollygripError(
                f"The in-painter's weights in {folder} cannot be read.",
                "Train some with `dollygrip train embedded`.",
                "weights",
            ) from error
        return cls(network, device)

    @torch.inference_mode()
    def paint(self, fill: Tensor, disparity: Tensor, hole: Tensor) -> Tensor:
        """The picture (h, w, 3) in 0..255, of any size: known pixels as in `fill`, holes painted.

        fill float (h, w, 3) in 0..255 and disparity (h, w), both without holes; hole bool (h, w). The network works at
        WORKING_SIDE; its correction to the fill is enlarged, so edges that the fill has stay as sharp.
        """
        height, width = hole.shape
        small = working_size(width, height)[::-1]
        # Holes are widened to whole working pixels, so that no hole colour counts as known.
        condition = encode_condition(
            interpolate(fill.permute(2, 0, 1)[None] / 127.5 - 1, small, mode="area"),
            interpolate(hole[None, None].float(), small, mode="area")[:, 0] > 0,
            interpolate(disparity[None, None], small, mode="area")[:, 0],
        )
        correction = (self.network(condition) - condition[:, :3]) * 127.5
        correction = interpolate(correction, (height, width), mode="bicubic", align_corners=False)
        return torch.where(hole[..., None], fill + correction[0].permute(1, 2, 0), fill).clamp(0, 255)


def working_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) at which the network works; never larger than the picture."""
    scale = min(1.0, WORKING_SIDE / max(width, height))
    return max(8, round(width * scale)), max(8, round(height * scale))
