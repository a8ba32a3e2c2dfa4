"""The single-image depth network: a convolutional U-Net whose coarsest grid attends to itself."""

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 16  # input sides are multiples of this


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around a normalised, activated shortcut."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(functional.silu(self.conv1(functional.silu(self.norm(x)))))


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
    """

    @register_to_config
    def __init__(self, channels: tuple[int, ...] = (48, 96, 160), blocks: int = 2, attention: int = 3):
        super().__init__()
        fine, middle, coarse = channels
        # Colour and position: where a thing stands in the picture says how far it is, on any ground.
        self.stem = nn.Conv2d(5, fine, 6, stride=4, padding=1)
        self.detail = nn.Conv2d(5, 24, 3, stride=2, padding=1)
        self.encode1 = nn.Sequential(*(ResidualBlock(fine) for _ in range(blocks)))
        self.down1 = nn.Conv2d(fine, middle, 3, stride=2, padding=1)
        self.encode2 = nn.Sequential(*(ResidualBlock(middle) for _ in range(blocks)))
        self.down2 = nn.Conv2d(middle, coarse, 3, stride=2, padding=1)
        self.encode3 = nn.Sequential(*(ResidualBlock(coarse) for _ in range(blocks)))
        self.attend = nn.Sequential(*(AttentionBlock(coarse, coarse // 32) for _ in range(attention)))
        self.focal = nn.Sequential(nn.LayerNorm(coarse), nn.Linear(coarse, coarse), nn.GELU(), nn.Linear(coarse, 1))
        self.up2 = nn.Conv2d(coarse, middle, 1)
        self.decode2 = nn.Sequential(*(ResidualBlock(middle) for _ in range(blocks)))
        self.up1 = nn.Conv2d(middle, fine, 1)
        self.decode1 = nn.Sequential(*(ResidualBlock(fine) for _ in range(blocks)))
        self.up0 = nn.Conv2d(fine, 24, 1)
        self.head = nn.Sequential(nn.Conv2d(24, 24, 3, padding=1), nn.SiLU(), nn.Conv2d(24, 2, 3, padding=1))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = torch.cat([picture * 4 - 2, _positions(picture)], 1)
        detail = self.detail(x)
        fine = self.encode1(self.stem(x))
        middle = self.encode2(self.down1(fine))
        coarse = self.encode3(self.down2(middle))
        grid = self.attend(coarse.flatten(2).transpose(1, 2))
        log_focal = self.focal(grid.mean(1))[:, 0]
        coarse = coarse + grid.transpose(1, 2).unflatten(2, coarse.shape[2:])
        middle = self.decode2(middle + _twice(self.up2(coarse)))
        fine = self.decode1(fine + _twice(self.up1(middle)))
        maps = _twice(self.head(functional.silu(detail + _twice(self.up0(fine))))).float()
        return maps[:, 0] + 1.5, maps[:, 1], log_focal.float()  # e^1.5 m: a middling depth to start from


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
