"""Prompts with their frozen text features and their programs, computed once and kept in the cache.

A cached part belongs to its prompts and plans, and to the code and weights that made it: after a change of either it is
computed again, into another file.
"""

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import torch

from dollygrip_backend.data.grammar import Pair, bare, sample_pair
from dollygrip_backend.data.grammar.pair import subject_in
from dollygrip_backend.precision import autocast
from dollygrip_backend.predictor.plan import Plan
from dollygrip_backend.predictor.program import IGNORE, Program, program_of
from dollygrip_backend.predictor.text import FEATURES, TextEncoder, TextFeatures, minilm_folder

_BATCH = 128
_PART = 4096
_PER_TOKEN = ("features", "numbers", "units")
_PROGRAM = tuple(field.name for field in attrs.fields(Program))
_PREDICTOR = Path(__file__).parents[1] / "predictor"
_CODE = [
    Path(__file__),
    Path(__file__).parent / "grammar" / "pair.py",
    *(_PREDICTOR / f"{name}.py" for name in ("numbers", "plan", "program", "quantities", "text")),
    *(_PREDICTOR / f"{name}.py" for name in ("circle_parts", "focal_lengths", "shares", "size_words")),
]


@attrs.frozen
class CaptionBank:
    """Prompts' features laid end to end: caption i owns the rows offsets[i] to offsets[i + 1].

    tokens: features float16 (tokens, 768), numbers, units (tokens,); programs: arrays (captions, ...) as in
    `Program`; parts: what it was made from, as `parts_of` tells it.
    """

    plans: list[Plan]
    tokens: dict[str, np.ndarray]
    programs: dict[str, np.ndarray]
    offsets: np.ndarray
    parts: list[str]

    def __len__(self) -> int:
        return len(self.plans)

    def batch(self, rows: np.ndarray) -> tuple[TextFeatures, Program]:
        """The captions `rows` padded to the longest of them."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        columns = np.arange(max(1, lengths.max()))
        mask = columns < lengths[:, None]
        index = np.where(mask, self.offsets[rows][:, None] + columns, 0)
        features, numbers, units = (torch.from_numpy(self.tokens[key][index]) for key in _PER_TOKEN)
        mask = torch.from_numpy(mask)
        numbers = numbers.masked_fill(~mask, torch.nan)
        text = TextFeatures(features.float(), numbers, units * mask, mask, [], [])
        return text, Program(**{key: torch.from_numpy(self.programs[key][rows]) for key in _PROGRAM})

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """One epoch of row numbers, each batch of captions of like length so that little is padding."""
        lengths = np.diff(self.offsets) + rng.uniform(0, 2.0, len(self))
        order = np.argsort(lengths)
        groups = [order[i : i + size] for i in range(0, len(order) - size + 1, size)]
        for i in rng.permutation(len(groups)):
            yield groups[i]


def draw_pairs(count: int, seed: int) -> list[Pair]:
    """`count` pairs of the grammar; each part of _PART has random numbers of its own."""
    pairs: list[Pair] = []
    while len(pairs) < count:
        rng = np.random.default_rng((seed, len(pairs) // _PART))
        pairs += [sample_pair(rng) for _ in range(min(_PART, count - len(pairs)))]
    return pairs


def parts_of(pairs: list[Pair]) -> list[str]:
    """A digest of every _PART pairs, and of what makes their features and programs."""
    words = [f"{pair.plan!r}|{pair.prompt}" for pair in pairs]
    parts = ("\n".join(words[start : start + _PART]) for start in range(0, len(words), _PART))
    return [hashlib.sha256(_makers() + part.encode()).hexdigest()[:24] for part in parts]


def load_bank(pairs: list[Pair], cache: Path, encoder: TextEncoder | None = None) -> CaptionBank:
    """The bank of `pairs`, in parts of _PART captions read from `cache` where they were encoded before."""
    parts, names = [], parts_of(pairs)
    for number, name in enumerate(names):
        file = cache / f"{name}.npz"
        if not file.exists():
            encoder = encoder or TextEncoder(device="cuda" if torch.cuda.is_available() else "cpu")
            _encode(pairs[number * _PART : (number + 1) * _PART], encoder, file)
        with np.load(file, allow_pickle=False) as arrays:
            parts.append(dict(arrays))
    joined = {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
    offsets = np.concatenate([[0], np.cumsum(joined["lengths"])])
    tokens, programs = ({key: joined[key] for key in keys} for keys in (_PER_TOKEN, _PROGRAM))
    return CaptionBank([pair.plan for pair in pairs], tokens, programs, offsets, names)


@functools.cache
def _makers() -> bytes:
    """A digest of all that cached values depend on beside prompts and plans: the code, and the encoder's files."""
    encoder = sorted(path for path in minilm_folder().iterdir() if path.is_file())
    return b"".join(hashlib.sha256(file.read_bytes()).digest() for file in [*_CODE, *encoder])


def _encode(pairs: list[Pair], encoder: TextEncoder, file: Path) -> None:
    """Encode prompts, longest together, and write them in their own order."""
    rows: list = [None] * len(pairs)
    order = np.argsort([-len(pair.prompt) for pair in pairs])
    for start in range(0, len(pairs), _BATCH):
        chosen = order[start : start + _BATCH]
        with autocast(encoder.model.device):
            text = encoder.encode([bare(pairs[i].prompt) for i in chosen]).to("cpu")
        for k, i in enumerate(chosen):
            mask = text.mask[k]
            tokens = [text.features[k][mask].half(), text.numbers[k][mask], text.units[k][mask]]
            subject = _tokens_of(subject_in(pairs[i].prompt), text.starts[k])
            rows[i] = ([value.numpy() for value in tokens], program_of(pairs[i].plan, text.quantities[k], subject))
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new.npz")
    arrays = {key: np.concatenate([row[0][n] for row in rows]) for n, key in enumerate(_PER_TOKEN)}
    arrays["features"] = arrays["features"].reshape(-1, FEATURES)
    programs = {key: np.stack([row[1][key] for row in rows]) for key in _PROGRAM}
    np.savez(fresh, lengths=np.array([len(row[0][1]) for row in rows]), **arrays, **programs)
    fresh.rename(file)


def _tokens_of(subject: tuple[int, int] | None, starts: np.ndarray) -> tuple[int, int]:
    """Characters that name the thing, as `subject_in` gives them, and where tokens begin -> `Program.subject`."""
    if subject == (0, 0):
        return 0, 1
    inside = np.flatnonzero((starts >= subject[0]) & (starts < subject[1])) if subject else ()
    return (int(inside[0]) + 1, int(inside[-1]) + 2) if len(inside) else (IGNORE, IGNORE)
