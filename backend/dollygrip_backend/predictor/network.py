"""The trajectory diffusion transformer (CT-1, arXiv 2604.09201, made small).

It turns a storyboard (the key poses of a shot plan, joined at constant speed) into a camera that moves as the words
ask: patches of normalised channels attend to one another and, by cross-attention, to the shot reader's memory,
modulated by noise level and shot conditions (adaLN). The network predicts the clean trajectory.
"""

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import silu

from dollygrip_backend.predictor.channels import KNOTS, low_pass
from dollygrip_backend.predictor.layers import Attention, feed_forward, waves
from dollygrip_backend.predictor.motion import CHANNELS, SAMPLES
from dollygrip_backend.predictor.reader import Memory

CONDITIONS = 8


class TrajectoryBlock(nn.Module):
    """Self-attention over time, cross-attention to the memory, feed-forward; adaLN on the first and the last."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.norm3 = (nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.norm2 = nn.LayerNorm(width)
        self.attention, self.reading = Attention(width, heads), Attention(width, heads)
        self.feed_forward = feed_forward(width)
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

    width, heads, depth: of the transformer; patch: samples in a token; memory_width: of the shot reader's memory.
    """

    @register_to_config
    def __init__(self, width: int = 192, heads: int = 6, depth: int = 4, patch: int = 4, memory_width: int = 256):
        super().__init__()
        self.samples_per_token = patch
        self.memory_in = nn.Linear(memory_width, width)
        self.trajectory_in = nn.Linear(4 * CHANNELS * patch, width)
        self.time_place = nn.Parameter(torch.randn(SAMPLES // patch, width) * 0.02)
        self.noise_in = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.condition_in = nn.Sequential(nn.Linear(CONDITIONS, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(TrajectoryBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.trajectory_out = nn.Linear(width, CHANNELS * patch)
        self.noisy_trust = nn.Linear(width, CHANNELS)
        for name, knots in (("fine", KNOTS), ("coarse", 8)):
            self.register_buffer(name, torch.from_numpy(low_pass(SAMPLES, knots)).float(), persistent=False)
        for layer in (self.trajectory_out, self.noisy_trust):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def project(self, memory: Memory) -> Memory:
        """The reader's memory in this network's width, once for all steps."""
        return Memory(self.memory_in(memory.tokens), memory.mask)

    def forward(
        self,
        noisy: Tensor,
        sigma: Tensor,
        storyboard: Tensor,
        known: Tensor,
        given: Tensor,
        conditions: Tensor,
        memory: Memory,
    ) -> Tensor:
        """Clean channels (B, K, 64, 7), exactly zero at frame 0.

        noisy (B, K, 64, 7) normalised channels at noise level sigma (B, K) in 0..1; storyboard: of the same shape;
        known: values of constraints where given (same shape) is 1, else 0; conditions (B, K, 8); memory: of `project`.
        A channel that neither the storyboard nor a constraint nor the noise uses is best zeroed in `noisy`.
        """
        x = torch.cat([noisy, storyboard, known, given], -1).unflatten(2, (-1, self.samples_per_token)).flatten(3)
        x = self.trajectory_in(x) + self.time_place
        condition = silu(self.noise_in(waves(sigma, 32, 1.0, 200.0)) + self.condition_in(conditions))
        for block in self.blocks:
            x = block(x, condition, memory)
        clean = self.trajectory_out(self.norm(x)).unflatten(-1, (self.samples_per_token, CHANNELS)).flatten(2, 3)
        # Two roads around the blocks: the storyboard, and what shows of this take through the noise.
        shown = (self.coarse @ noisy) * self.noisy_trust(condition)[:, :, None]
        clean = self.fine @ (storyboard + clean + shown).float()
        return clean - clean[:, :, :1]
