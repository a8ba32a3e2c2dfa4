"""Captions of the grammar with their frozen text features, computed once and kept in the cache."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import torch

from dollygrip_backend.data.grammar import Pair, Plan, sample_pair
from dollygrip_backend.predictor.text import FEATURES, TextEncoder, TextFeatures

_BATCH = 128


@attrs.frozen
class CaptionBank:
    """Prompts' features laid end to end: caption i owns the rows offsets[i] to offsets[i + 1]."""

    plans: list[Plan]
    features: np.ndarray  # float16 (tokens, 768)
    ids: np.ndarray  # int64 (tokens,)
    numbers: np.ndarray  # float32 (tokens,)
    offsets: np.ndarray  # int64 (captions + 1,)

    def __len__(self) -> int:
        return len(self.plans)

    def batch(self, rows: np.ndarray) -> TextFeatures:
        """The captions `rows` padded to the longest of them."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        columns = np.arange(max(1, lengths.max()))
        mask = columns < lengths[:, None]
        index = np.where(mask, self.offsets[rows][:, None] + columns, 0)
        return TextFeatures(
            torch.from_numpy(self.features[index]).float(),
            torch.from_numpy(self.ids[index]),
            torch.from_numpy(self.numbers[index]),
            torch.from_numpy(mask),
        )

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """One epoch of row numbers, each batch of captions of like length so that little is padding."""
        lengths = np.diff(self.offsets) + rng.uniform(0, 2.0, len(self))
        order = np.argsort(lengths)
        groups = [order[i : i + size] for i in range(0, len(order) - size + 1, size)]
        for i in rng.permutation(len(groups)):
            yield groups[i]


def draw_pairs(count: int, seed: int) -> list[Pair]:
    """`count` pairs of the grammar."""
    rng = np.random.default_rng(seed)
    return [sample_pair(rng) for _ in range(count)]


def load_bank(pairs: list[Pair], cache: Path, encoder: TextEncoder | None = None, progress=None) -> CaptionBank:
    """The bank of `pairs`, in parts of 4096 captions read from `cache` where their prompts were encoded before.

    progress(done, total) is called after each part.
    """
    parts, size = [], 4096
    for start in range(0, len(pairs), size):
        prompts = [p.prompt for p in pairs[start : start + size]]
        file = cache / f"{hashlib.sha256(chr(10).join(prompts).encode()).hexdigest()[:24]}.npz"
        if not file.exists():
            encoder = encoder or TextEncoder()
            _encode(prompts, encoder, file)
        with np.load(file, allow_pickle=False) as part:
            parts.append({key: part[key] for key in ("features", "ids", "numbers", "lengths")})
        if progress:
            progress(min(start + size, len(pairs)), len(pairs))
    joined = {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
    offsets = np.concatenate([[0], np.cumsum(joined["lengths"])])
    return CaptionBank([p.plan for p in pairs], joined["features"], joined["ids"], joined["numbers"], offsets)


def _encode(prompts: list[str], encoder: TextEncoder, file: Path) -> None:
    """Encode prompts, longest together, and write them in their own order."""
    order = np.argsort([-len(p) for p in prompts])
    rows: list = [None] * len(prompts)
    for start in range(0, len(prompts), _BATCH):
        chosen = order[start : start + _BATCH]
        with torch.autocast("cpu", torch.bfloat16):
            text = encoder.encode([prompts[i] for i in chosen])
        for i, features, ids, numbers, mask in zip(
            chosen, text.features, text.ids, text.numbers, text.mask, strict=True
        ):
            rows[i] = (features[mask].half().numpy(), ids[mask].numpy(), numbers[mask].numpy())
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new.npz")
    np.savez(
        fresh,
        features=np.concatenate([r[0] for r in rows]).reshape(-1, FEATURES),
        ids=np.concatenate([r[1] for r in rows]),
        numbers=np.concatenate([r[2] for r in rows]),
        lengths=np.array([len(r[1]) for r in rows]),
    )
    fresh.rename(file)
