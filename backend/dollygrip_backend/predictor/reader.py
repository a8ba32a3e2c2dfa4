"""The shot reader: the language half of the vision-language module. It reads a prompt into a program (`program`).

Token features of the frozen text encoder, refined by self-attention; then one query for each phase and one for the
whole shot read them by cross-attention and answer. Refined tokens and queries are also what the trajectory attends to.
"""

import attrs
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import dropout

from dollygrip_backend.predictor.layers import Attention, feed_forward, waves
from dollygrip_backend.predictor.plan import HANDHELD, MAX_PHASES, TEMPOS
from dollygrip_backend.predictor.program import NAMES, Reading
from dollygrip_backend.predictor.quantities import UNITS
from dollygrip_backend.predictor.text import FEATURES, MAX_TOKENS, TextFeatures

_POINTER = 32


@attrs.frozen
class Memory:
    """What the trajectory attends to: tokens (B, M, width) and mask (B, M), True where there is a token."""

    tokens: Tensor
    mask: Tensor


class ReadingBlock(nn.Module):
    """Pre-norm self-attention and, for queries, cross-attention to the words."""

    def __init__(self, width: int, heads: int, cross: bool):
        super().__init__()
        self.norm1, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        if cross:
            self.norm2, self.reading = nn.LayerNorm(width), Attention(width, heads)
        self.feed_forward = feed_forward(width)

    def forward(self, x: Tensor, mask: Tensor | None, memory: Memory | None = None, drop: float = 0.0) -> Tensor:
        y = self.norm1(x)
        x = x + dropout(self.attention(y, y, mask), drop, self.training)
        if memory is not None:
            x = x + dropout(self.reading(self.norm2(x), memory.tokens, memory.mask), drop, self.training)
        return x + dropout(self.feed_forward(self.norm3(x)), drop, self.training)


class ShotReader(ModelMixin, ConfigMixin):
    """Prompt -> memory and reading; see the module's docstring.

    width, heads: of all attention; depth: blocks over the words; decoder: blocks over the phases; vocabulary,
    word_width: a learned vector for each of MiniLM's tokens, of low rank; drop: dropout while training.
    """

    @register_to_config
    def __init__(
        self,
        width: int = 256,
        heads: int = 8,
        depth: int = 3,
        decoder: int = 2,
        vocabulary: int = 30522,
        word_width: int = 32,
        drop: float = 0.05,
    ):
        super().__init__()
        self.dropout = drop
        self.text_in = nn.Sequential(nn.LayerNorm(FEATURES), nn.Linear(FEATURES, width))
        self.word = nn.Embedding(vocabulary, word_width)
        self.word_out = nn.Linear(word_width, width, bias=False)
        self.number_in = nn.Linear(17, width)
        self.unit = nn.Embedding(len(UNITS), width)
        self.place = nn.Parameter(torch.randn(MAX_TOKENS, width) * 0.02)
        self.silence = nn.Parameter(torch.randn(1, 1, width) * 0.02)  # always there: all that is left without a prompt
        self.blocks = nn.ModuleList(ReadingBlock(width, heads, cross=False) for _ in range(depth))
        self.memory_norm = nn.LayerNorm(width)
        self.queries = nn.Parameter(torch.randn(MAX_PHASES + 1, width) * 0.5)
        self.phase_blocks = nn.ModuleList(ReadingBlock(width, heads, cross=True) for _ in range(decoder))
        self.norm = nn.LayerNorm(width)
        self.exists = nn.Linear(width, 1)
        self.tempo = nn.Linear(width, len(TEMPOS))
        self.ways = nn.Linear(width, 3 * len(NAMES))
        self.sizes = nn.Linear(width, len(NAMES))
        self.pointing = nn.Linear(width, len(NAMES) * _POINTER)
        self.pointed = nn.Linear(width, _POINTER)
        self.shot = nn.Linear(width, len(HANDHELD))
        nn.init.zeros_(self.word.weight)  # a word never trained on adds nothing

    def remember(self, text: TextFeatures, words: Tensor | None = None) -> Memory:
        """Refine prompts into a memory of 1 + L tokens.

        words: (B, L) factor on the learned word vectors (training drops some), default 1.
        """
        known = torch.isfinite(text.numbers)
        value = torch.where(known, text.numbers, 1.0).clamp_min(0.01).log()
        number = torch.cat([value[..., None] / 3, waves(value, 8, 0.3, 24)], -1)
        word = self.word(text.ids) if words is None else self.word(text.ids) * words[..., None]
        x = self.text_in(text.features) + self.word_out(word)
        x = x + (self.number_in(number) + self.unit(text.units)) * known[..., None]
        x = torch.cat([self.silence.expand(len(x), 1, -1), x + self.place[: x.shape[1]]], 1)
        mask = torch.cat([text.mask.new_ones(len(x), 1), text.mask], 1)
        for block in self.blocks:
            x = block(x, mask, drop=self.dropout)
        return Memory(self.memory_norm(x), mask)

    def read(self, memory: Memory, numbers: Tensor) -> tuple[Memory, Reading]:
        """The program in `memory`, and the memory with the queries' answers after it.

        numbers (B, L) as in `TextFeatures`: only quantities can be pointed at.
        """
        x = self.queries.expand(len(memory.tokens), -1, -1)
        for block in self.phase_blocks:
            x = block(x, None, memory, self.dropout)
        x = self.norm(x)
        phases, shot = x[:, :-1], self.shot(x[:, -1])
        query = self.pointing(phases).unflatten(-1, (len(NAMES), _POINTER))
        pointers = torch.einsum("bpfd,bld->bpfl", query, self.pointed(memory.tokens)) * _POINTER**-0.5
        possible = torch.cat([torch.ones_like(memory.mask[:, :1]), torch.isfinite(numbers)], 1)
        reading = Reading(
            exists=self.exists(phases)[..., 0].float(),
            tempo=self.tempo(phases).float(),
            ways=self.ways(phases).unflatten(-1, (len(NAMES), 3)).float(),
            pointers=pointers.float().masked_fill(~possible[:, None, None], -1e4),
            sizes=self.sizes(phases).float(),
            handheld=shot.float(),
        )
        answers = memory.mask.new_ones(x.shape[:2])
        return Memory(torch.cat([memory.tokens, x], 1), torch.cat([memory.mask, answers], 1)), reading

    def forward(self, text: TextFeatures, words: Tensor | None = None) -> tuple[Memory, Reading]:
        """Both: see `remember` and `read`."""
        return self.read(self.remember(text, words), text.numbers)
