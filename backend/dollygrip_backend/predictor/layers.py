"""Layers that the shot reader, the grounding and the trajectory transformer share."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


def waves(x: Tensor, count: int, low: float, high: float) -> Tensor:
    """(...,) -> (..., 2 count) sines and cosines at frequencies spaced geometrically from low to high (radians)."""
    frequencies = torch.logspace(0, 1, count, base=high / low, device=x.device) * low
    angles = x.unsqueeze(-1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], -1)


class Attention(nn.Module):
    """Multi-head attention of queries (B, N, D) to keys (B, M, D); mask (B, M) is True where there is a key."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.keys_values = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        q = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.keys_values(memory).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mask = None if mask is None else mask[:, None, None, :]
        return self.out(scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2))


def feed_forward(width: int) -> nn.Sequential:
    """The usual two layers, four times as wide inside."""
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))
