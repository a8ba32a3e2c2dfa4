"""Things that are familiar from photographs: names that no rendered scene shows, by the thousand kinds that the picture
features tell apart.

A phrase is compared with the names of the kinds by a language model's vectors (DeViSE, Frome et al. 2013).
"""

from functools import cache

import torch
from safetensors.torch import load_file
from torch import Tensor

from dollygrip_backend.predictor.picture_features import KINDS, WEIGHTS

NAMES, MEANINGS = "kinds.txt", "kinds.safetensors"
_ALIKE = 0.65  # the least likeness of a phrase and a kind's name …
_BESIDE = 0.2  # … and how much less alike than the likeliest kind's another one's may be


@cache
def _known() -> tuple[Tensor, Tensor]:
    names = load_file(WEIGHTS / MEANINGS)
    return names["meanings"].float(), names["kinds"].long()


def kinds_like(phrases: Tensor) -> Tensor:
    """Unit vectors (N, 384) of phrases -> weights (N, KINDS) from 0 to 1 of the kinds of things that they may name."""
    meanings, kinds = _known()
    alike = torch.zeros(len(phrases), KINDS)
    alike = alike.scatter_reduce(1, kinds.expand(len(phrases), -1), phrases.cpu() @ meanings.T, "amax")
    near = alike > alike.amax(1, keepdim=True) - _BESIDE
    return ((alike - _ALIKE) / (1 - _ALIKE)).clamp_min(0) * near


def kinds_named(names: list[str]) -> list[int]:
    """The numbers of kinds by the first names that they have in kinds.txt."""
    first = [line.split(", ")[0] for line in (WEIGHTS / NAMES).read_text("utf-8").splitlines()]
    return [number for number, name in enumerate(first) if name in names]
