"""The trajectory diffusion transformer with its vision-language memory (CT-1, arXiv 2604.09201, made small).

Memory: text tokens and picture tokens, refined together by self-attention; a summary token among them also answers
directly with an outline: the expected camera at eight times, and which channels the move uses. That teaches the words
long before the noise is learnt; the transformer starts from the outline and adds what makes one take out of the mean.
The trajectory: patches of normalised channels that attend to one another and to the memory, modulated by noise level,
shot conditions and summary (adaLN). The network predicts the clean trajectory, and for each channel whether the move
uses it at all.
"""

import attrs
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, scaled_dot_product_attention, silu

from dollygrip_backend.predictor.channels import CHANNELS, SAMPLES, low_pass
from dollygrip_backend.predictor.text import FEATURES, TextFeatures

CONDITIONS = 8
PICTURE_SIZE = (96, 64)  # width, height
PICTURE_PLANES = 5  # red, green, blue, disparity, whether there is a depth
OUTLINE = 8
_PATCH = 16


@attrs.frozen
class Memory:
    """What the trajectory attends to: tokens (B, M, width), the first of them the summary; mask (B, M), True where
    there is a token."""

    tokens: Tensor
    mask: Tensor


def waves(x: Tensor, count: int, low: float, high: float) -> Tensor:
    """(...,) -> (..., 2 count) sines and cosines at frequencies spaced geometrically from low to high (radians)."""
    frequencies = torch.logspace(0, 1, count, base=high / low, device=x.device) * low
    angles = x.unsqueeze(-1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], -1)


class Attention(nn.Module):
    """Multi-head attention of queries (B, N, D) to keys (B, M, D)."""

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


def _feed_forward(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))


class MemoryBlock(nn.Module):
    """Pre-norm self-attention over words and picture together."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.feed_forward = _feed_forward(width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, mask)
        return x + self.feed_forward(self.norm2(x))


class TrajectoryBlock(nn.Module):
    """Self-attention over time, cross-attention to the memory, feed-forward; adaLN on the first and the last."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.norm3 = (nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.norm2 = nn.LayerNorm(width)
        self.attention, self.reading = Attention(width, heads), Attention(width, heads)
        self.feed_forward = _feed_forward(width)
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.normal_(self.modulation.weight, std=0.02)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor, memory: Memory) -> Tensor:
        """x (B, K, P, D): K noisy trajectories for each of B memories; condition (B, K, D)."""
        b, k, p, _ = x.shape
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).unsqueeze(2).chunk(6, -1)
        y = (self.norm1(x) * (1 + scale1) + shift1).flatten(0, 1)
        x = x + (1 + gate1) * self.attention(y, y).unflatten(0, (b, k))
        # A query reads the memory by itself, so all trajectories of one prompt share its keys and values.
        x = x + self.reading(self.norm2(x).flatten(1, 2), memory.tokens, memory.mask).unflatten(1, (k, p))
        return x + (1 + gate2) * self.feed_forward(self.norm3(x) * (1 + scale2) + shift2)


class CameraTransformer(ModelMixin, ConfigMixin):
    """Predicts clean camera channels from noisy ones; see the module's docstring.

    width, heads, depth: of the trajectory transformer; memory_depth: blocks that refine the memory; patch: samples in
    a trajectory token; vocabulary, word_width: a learned vector for each of MiniLM's tokens, of low rank.
    """

    @register_to_config
    def __init__(
        self,
        width: int = 192,
        heads: int = 6,
        depth: int = 4,
        memory_depth: int = 2,
        patch: int = 8,
        vocabulary: int = 30522,
        word_width: int = 32,
    ):
        super().__init__()
        self.patch = patch
        self.text_in = nn.Sequential(nn.LayerNorm(FEATURES), nn.Linear(FEATURES, width))
        self.word = nn.Embedding(vocabulary, word_width)
        self.word_out = nn.Linear(word_width, width, bias=False)
        self.number_in = nn.Linear(33, width)
        self.place = nn.Parameter(torch.randn(128, width) * 0.02)
        self.summary = nn.Parameter(torch.randn(1, 1, width) * 0.02)  # always there: all that is left without a prompt
        self.picture_in = nn.Conv2d(PICTURE_PLANES, width, _PATCH, _PATCH)
        cells = (PICTURE_SIZE[0] // _PATCH) * (PICTURE_SIZE[1] // _PATCH)
        self.picture_place = nn.Parameter(torch.randn(cells, width) * 0.02)
        self.memory_blocks = nn.ModuleList(MemoryBlock(width, heads) for _ in range(memory_depth))
        self.memory_norm = nn.LayerNorm(width)
        self.outline_out = nn.Linear(width, OUTLINE * CHANNELS)
        self.outline_active = nn.Linear(width, CHANNELS)
        self.summary_in = nn.Linear(width, width)
        self.outline_trust = nn.Linear(width, CHANNELS)
        self.noisy_trust = nn.Linear(width, CHANNELS)
        self.register_buffer("low_pass", torch.from_numpy(low_pass(SAMPLES, 8)).float(), persistent=False)
        self.trajectory_in = nn.Linear(4 * CHANNELS * patch, width)
        self.time_place = nn.Parameter(torch.randn(SAMPLES // patch, width) * 0.02)
        self.noise_in = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.condition_in = nn.Sequential(nn.Linear(CONDITIONS, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(TrajectoryBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.trajectory_out = nn.Linear(width, CHANNELS * patch)
        self.active_out = nn.Linear(width, CHANNELS)
        nn.init.zeros_(self.word.weight)  # a word never trained on adds nothing
        nn.init.zeros_(self.noisy_trust.weight)
        nn.init.zeros_(self.noisy_trust.bias)
        nn.init.zeros_(self.outline_trust.weight)
        nn.init.ones_(self.outline_trust.bias)
        nn.init.zeros_(self.trajectory_out.weight)
        nn.init.zeros_(self.trajectory_out.bias)

    def remember(self, text: TextFeatures, picture: Tensor | None = None, words: Tensor | None = None) -> Memory:
        """Encode prompts (B, L) and pictures (B, 5, 64, 96) or None into the memory.

        words: (B, L) factor on the learned word vectors (training drops some), default 1.
        """
        known = torch.isfinite(text.numbers)
        value = torch.where(known, text.numbers, 1.0)
        number = torch.cat([value.clamp_min(0.1).log()[..., None], waves(value.clamp_min(0.1).log(), 16, 0.3, 24)], -1)
        word = self.word(text.ids) if words is None else self.word(text.ids) * words[..., None]
        x = self.text_in(text.features) + self.word_out(word) + self.number_in(number) * known[..., None]
        tokens = [self.summary.expand(len(x), 1, -1), x + self.place[: x.shape[1]]]
        mask = [text.mask.new_ones(len(x), 1), text.mask]
        if picture is not None:
            cells = self.picture_in(picture).flatten(2).transpose(1, 2) + self.picture_place
            tokens.append(cells)
            mask.append(text.mask.new_ones(cells.shape[:2]))
        memory, mask = torch.cat(tokens, 1), torch.cat(mask, 1)
        for block in self.memory_blocks:
            memory = block(memory, mask)
        return Memory(self.memory_norm(memory), mask)

    def outline(self, memory: Memory) -> tuple[Tensor, Tensor]:
        """What the summary expects over all takes: the camera (B, 8, 7) at the end of each eighth of the time, and
        logits (B, 7) of each channel's use."""
        summary = memory.tokens[:, 0]
        return self.outline_out(summary).unflatten(-1, (OUTLINE, CHANNELS)), self.outline_active(summary)

    def forward(
        self, noisy: Tensor, sigma: Tensor, known: Tensor, given: Tensor, conditions: Tensor, memory: Memory
    ) -> tuple[Tensor, Tensor]:
        """Clean channels (B, K, 64, 7) and logits (B, K, 7) of each channel's use.

        noisy (B, K, 64, 7) normalised channels at noise level sigma (B, K) in 0..1; known: values of constraints
        where given (same shape) is 1, else 0; conditions (B, K, 8).
        """
        # The outline's knots, with the start at zero, joined by straight lines; no gradient bends it to serve one take.
        outline, active = self.outline(memory)
        outline = outline.detach().transpose(1, 2)
        outline = interpolate(pad(outline, (1, 0)), SAMPLES + 1, mode="linear", align_corners=True)
        outline = outline[..., 1:].transpose(1, 2)[:, None].expand_as(noisy)
        x = torch.cat([noisy, known, given, outline], -1).unflatten(2, (-1, self.patch)).flatten(3)
        x = self.trajectory_in(x) + self.time_place
        condition = self.noise_in(waves(sigma, 32, 1.0, 200.0)) + self.condition_in(conditions)
        condition = condition + self.summary_in(memory.tokens[:, :1])
        condition = silu(condition)
        for block in self.blocks:
            x = block(x, condition, memory)
        x = self.norm(x)
        clean = self.trajectory_out(x).unflatten(-1, (self.patch, CHANNELS)).flatten(2, 3)
        # Two linear roads around the blocks: the outline, and what shows of this take through the noise.
        clean = clean + outline * self.outline_trust(condition)[:, :, None]
        clean = clean + (self.low_pass @ noisy) * self.noisy_trust(condition)[:, :, None]
        return clean - clean[:, :, :1], active[:, None] + self.active_out(x.mean(2))
