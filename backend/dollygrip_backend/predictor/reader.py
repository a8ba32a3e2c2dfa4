"""The shot reader: the language half of the vision-language module. It reads a prompt into a program (`program`).

Token features of the frozen text encoder, refined by layers of its own kind; then one query for each phase and one for
the whole shot read them by cross-attention and answer; the latter points at the words that name what the shot is about.
Refined tokens and queries are also what the trajectory attends to.
"""

import attrs
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import dropout
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

from dollygrip_backend.predictor.layers import Attention, feed_forward, waves
from dollygrip_backend.predictor.plan import HANDHELD, MAX_PHASES, TEMPOS
from dollygrip_backend.predictor.program import NAMES, Reading
from dollygrip_backend.predictor.quantities import UNITS
from dollygrip_backend.predictor.text import FEATURES, WIDTH, TextFeatures

_POINTER = 32


@attrs.frozen
class Memory:
    """What the trajectory attends to: tokens (B, M, width) and mask (B, M), True where there is a token."""

    tokens: Tensor
    mask: Tensor


def _minilm_config() -> BertConfig:
    """The shape of MiniLM's layers."""
    config = BertConfig(hidden_size=WIDTH, num_attention_heads=12, intermediate_size=4 * WIDTH)
    config._attn_implementation = "sdpa"
    return config


class ReadingBlock(nn.Module):
    """The queries look at one another, then at the words."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.attention, self.reading = Attention(width, heads), Attention(width, heads)
        self.feed_forward = feed_forward(width)

    def forward(self, x: Tensor, memory: Memory, drop: float) -> Tensor:
        y = self.norm1(x)
        x = x + dropout(self.attention(y, y), drop, self.training)
        x = x + dropout(self.reading(self.norm2(x), memory.tokens, memory.mask), drop, self.training)
        return x + dropout(self.feed_forward(self.norm3(x)), drop, self.training)


class ShotReader(ModelMixin, ConfigMixin):
    """Prompt -> memory and reading; see the module's docstring.

    depth: layers over the words, of the text encoder's kind; width, heads: of the memory and of the `decoder` blocks
    over the phases; drop: their dropout while training.
    """

    @register_to_config
    def __init__(
        self,
        width: int = 256,
        heads: int = 8,
        depth: int = 3,
        decoder: int = 2,
        drop: float = 0.15,
    ):
        super().__init__()
        self.dropout = drop
        self.number_in = nn.Linear(17, WIDTH)
        self.unit = nn.Embedding(len(UNITS), WIDTH)
        self.silence = nn.Parameter(torch.zeros(1, 1, WIDTH))  # always there: all that is left without a prompt
        self.layers = nn.ModuleList(BertLayer(_minilm_config()) for _ in range(depth))
        self.memory_in, self.memory_norm = nn.Linear(WIDTH, width), nn.LayerNorm(width)
        self.queries = nn.Parameter(torch.randn(MAX_PHASES + 1, width) * 0.5)
        self.phase_blocks = nn.ModuleList(ReadingBlock(width, heads) for _ in range(decoder))
        self.norm = nn.LayerNorm(width)
        self.exists = nn.Linear(width, 1)
        self.tempo = nn.Linear(width, len(TEMPOS))
        self.ways = nn.Linear(width, 3 * len(NAMES))
        self.pointing = nn.Linear(width, len(NAMES) * _POINTER)
        self.pointed = nn.Linear(width, _POINTER)
        self.shot = nn.Linear(width, len(HANDHELD))
        self.naming = nn.Linear(width, _POINTER)
        self.named = nn.Linear(width, _POINTER)
        for small in (self.number_in, self.unit):  # the layers know nothing of them at the start
            nn.init.normal_(small.weight, std=0.02)

    def remember(self, text: TextFeatures) -> Memory:
        """Refine prompts into a memory of 1 + L tokens."""
        known = torch.isfinite(text.numbers)
        value = torch.where(known, text.numbers, 1.0).clamp_min(0.01).log()
        number = torch.cat([value[..., None] / 3, waves(value, 8, 0.3, 24)], -1)
        x = text.features[..., :WIDTH] + (self.number_in(number) + self.unit(text.units)) * known[..., None]
        x = torch.cat([self.silence.expand(len(x), 1, -1), x], 1)
        mask = torch.cat([text.mask.new_ones(len(x), 1), text.mask], 1)
        for layer in self.layers:
            x = layer(x, mask[:, None, None])
        return Memory(self.memory_norm(self.memory_in(x)), mask)

    def read(self, memory: Memory, numbers: Tensor) -> tuple[Memory, Reading]:
        """The program in `memory`, and the memory with the queries' answers after it.

        numbers (B, L) as in `TextFeatures`: only quantities can be pointed at.
        """
        x = self.queries.expand(len(memory.tokens), -1, -1)
        for block in self.phase_blocks:
            x = block(x, memory, self.dropout)
        x = self.norm(x)
        phases, shot = x[:, :-1], x[:, -1]
        query = self.pointing(phases).unflatten(-1, (len(NAMES), _POINTER))
        pointers = torch.einsum("bpfd,bld->bpfl", query, self.pointed(memory.tokens)) * _POINTER**-0.5
        subject = torch.einsum("bd,bld->bl", self.naming(shot), self.named(memory.tokens)) * _POINTER**-0.5
        possible = torch.cat([torch.ones_like(memory.mask[:, :1]), torch.isfinite(numbers)], 1)
        reading = Reading(
            exists=self.exists(phases)[..., 0].float(),
            tempo=self.tempo(phases).float(),
            ways=self.ways(phases).unflatten(-1, (len(NAMES), 3)).float(),
            pointers=pointers.float().masked_fill(~possible[:, None, None], -1e4),
            handheld=self.shot(shot).float(),
            subject=subject.float().masked_fill(~memory.mask, -1e4),
        )
        answers = memory.mask.new_ones(x.shape[:2])
        return Memory(torch.cat([memory.tokens, x], 1), torch.cat([memory.mask, answers], 1)), reading

    def unasked(self, count: int) -> Memory:
        """The memory of `count` prompts without a word, as the transformer knows it from captions that are dropped."""
        numbers = self.silence.new_zeros(count, 0)
        nothing = TextFeatures(
            numbers[..., None].expand(-1, -1, FEATURES), numbers, numbers.long(), numbers.bool(), [], []
        )
        return self(nothing)[0]

    def forward(self, text: TextFeatures) -> tuple[Memory, Reading]:
        """Both: see `remember` and `read`."""
        return self.read(self.remember(text), text.numbers)
