"""The single-image depth network: convolutions around a transformer over the coarsest grid."""

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 16  # input sides are multiples of this
_PATCH = 4  # pixels a side that one cell of the finest grid gives


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(functional.relu(self.conv1(self.norm(x))))


class AttentionBlock(nn.Module):
    """Every cell of the coarsest grid sees every other: what a horizon, a floor or a corner says about the whole."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 3 * channels), nn.GELU(), nn.Linear(3 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # Written out: at 60 tokens the fused kernel's backward pass costs more than these products.
        weights = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1)
        mixed = (weights @ v).transpose(1, 2).flatten(-2)
        x = x + self.out(mixed)
        return x + self.mlp(self.norm2(x))


class DepthNetwork(ModelMixin, ConfigMixin):
    """Picture -> log depth, sky, field of view.

    forward: float (B, 3, H, W), sRGB in 0..1, sides multiples of STRIDE -> log_depth (B, H, W) of metres along +Z,
    sky (B, H, W) logits, log_focal (B,), the logarithm of fx over the image's width.

    Most of the work is done on the coarsest grid, where a processor computes fastest and where depth is decided; the
    finest has a quarter of the picture's side and gives 4 x 4 pixels a cell (sub-pixel convolution, Shi et al. 2016).
    """

    @register_to_config
    def __init__(self, channels: tuple[int, ...] = (32, 80, 192), blocks: int = 1, attention: int = 6):
        super().__init__()
        fine, middle, coarse = channels

        def residual(width: int) -> nn.Sequential:
            return nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))

        # Colour and position: where a thing stands in the picture says how far it is, on any ground.
        self.stem = nn.Conv2d(5, fine, 6, stride=_PATCH, padding=1)
        self.encode1, self.down1 = residual(fine), nn.Conv2d(fine, middle, 4, stride=2, padding=1)
        self.encode2, self.down2 = residual(middle), nn.Conv2d(middle, coarse, 4, stride=2, padding=1)
        self.attend = nn.Sequential(*(AttentionBlock(coarse, coarse // 32) for _ in range(attention)))
        self.norm = nn.LayerNorm(coarse)
        self.level = nn.Sequential(nn.Linear(coarse, coarse), nn.GELU(), nn.Linear(coarse, 2))
        self.up2, self.decode2 = nn.Conv2d(coarse, middle, 1), residual(middle)
        self.up1, self.decode1 = nn.Conv2d(middle, fine, 1), residual(fine)
        self.head = nn.Conv2d(fine, 2 * _PATCH**2, 3, padding=1)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.encode1(self.stem(torch.cat([picture * 4 - 2, _positions(picture)], 1)))
        middle = self.encode2(self.down1(fine))
        coarse = self.down2(middle)
        grid = self.norm(self.attend(coarse.flatten(2).transpose(1, 2)))
        log_focal, level = self.level(grid.mean(1)).float().unbind(1)
        coarse = grid.transpose(1, 2).unflatten(2, coarse.shape[2:])
        middle = self.decode2(middle + _twice(self.up2(coarse)))
        fine = self.decode1(fine + _twice(self.up1(middle)))
        shape, sky = functional.pixel_shuffle(self.head(functional.relu(fine)), _PATCH).float().unbind(1)
        return shape + (level + 1.5)[:, None, None], sky, log_focal  # e^1.5 m: a middling depth to start from


def _positions(picture: Tensor) -> Tensor:
    """(B, 2, H, W): x and y in units of half the longer side, 0 in the middle."""
    height, width = picture.shape[2:]
    half = max(height, width)
    y = (torch.arange(height, device=picture.device) * 2 + 1 - height) / half
    x = (torch.arange(width, device=picture.device) * 2 + 1 - width) / half
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij")).flip(0).to(picture.dtype)
    return grid.expand(len(picture), -1, -1, -1)


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
