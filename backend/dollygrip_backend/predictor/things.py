"""Everyday things that the picture shows as photographs do: whether words name one, which one, and where a camera aims
at it.

What the detector of things sees holds for photographs of kinds that the grounding has seen as rendered shapes, if at
all.
"""

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch

from dollygrip_backend.predictor.hints import words_naming
from dollygrip_backend.predictor.people import Said, owner_in, spanned_sides
from dollygrip_backend.scene.boxes import different
from dollygrip_backend.scene.things import WEIGHTS, Thing

_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_NAMED, _TAKEN_FOR = 2, 1  # how well a kind is meant: by its own name, or by that of an animal taken for it
_SAME = 0.5  # the overlap of two boxes that show one thing, whatever it is taken for
_SEEN_THERE = 0.25  # weight of the grounding's logits: how things look it has learned on rendered ones
_COLOURED, _HARDLY = 1.5, 0.05  # weight of the colour that is said, of which so much hardly means anything
_SEEN, _SHOWN = 1.0, 0.5  # logits of a colour that the picture shows, and that what is meant shows at least
_SIZE = 0.5  # weight of a box's area: people mostly speak of what is large
_FARTHER = 12.0  # logits from one border to the other for what is said to be on a side
_CLEARLY = 0.6  # the least share of one thing in what is meant
_ELSEWHERE = -4.0  # logits of cells that show none of the things one of which is meant
_LOOKED_AT = 0.4  # of an animal's height, where a camera aims at it: nearer its head than its feet


@cache
def _kinds() -> dict[str, int]:
    names = (WEIGHTS / "kinds.txt").read_text("utf-8").splitlines()
    return {name: number for number, name in enumerate(names)}


@cache
def _family(name: str) -> frozenset[int]:
    return frozenset(_kinds()[member] for member in _WORDS["members"][name])


@cache
def _known() -> dict[str, dict[int, int]]:
    """For each word for a thing the kinds that may show it, and how well they are meant."""
    known: dict[str, dict[int, int]] = {}
    for family, words in _WORDS["families"].items():
        known |= {word: dict.fromkeys(_family(family), _NAMED) for word in words}
    for kind, words in _WORDS["kinds"].items():
        number = _kinds()[kind]
        for word in words:
            well = known.setdefault(word, {})
            well[number] = _NAMED
            if number in _family("animals"):
                known[word] = dict.fromkeys(_family("animals"), _TAKEN_FOR) | well
    return known


def kinds_meant(words: str) -> tuple[dict[int, int], bool]:
    """The kinds of things that words may name, and how well; none where they name something else. And whether they name
    several."""
    name = words_naming(words).split()
    for last in (" ".join(name[-2:]), *name[-1:]):
        if last in _known():
            return _known()[last], False
        for one in _singular(last):
            if one in _known():
                return _known()[one], True
    return {}, False


def names_a_kind(words: str) -> bool:
    """Whether words name one of the kinds of things, or a part of one."""
    return bool(kinds_meant(words)[0] or kinds_meant(owner_in(words))[0])


def _singular(word: str) -> list[str]:
    """What a word may be several of."""
    endings = (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("s", ""))
    return [word[: -len(end)] + one for end, one in endings if word.endswith(end)]


def meant_by(said: Said, things: Sequence[Thing]) -> tuple[list[Thing], np.ndarray, bool]:
    """The things of which it may be true what the words say, how likely each is meant (N,), together one, and whether
    several are."""
    kinds, several = kinds_meant(said.words)
    left, right = spanned_sides(said)
    fits = [thing for thing in things if thing.kind in kinds and left <= thing.middle[0] <= right]
    if said.coloured.max() > _SEEN:  # then what is meant shows that colour
        fits = [thing for thing in fits if said.coloured[cells_of(thing.box, said.seen.shape)].max() > _SHOWN]
    # What is taken for the kind that is named counts where none of that kind is seen.
    fits = [thing for thing in fits if kinds[thing.kind] == max(kinds[other.kind] for other in fits)]
    if not fits:
        return [], np.zeros(0), several
    scores = torch.tensor([_score(thing, said) for thing in fits])
    one_each = different(torch.tensor([thing.box for thing in fits]), scores, _SAME)
    return [fits[k] for k in one_each.tolist()], scores[one_each].softmax(0).numpy(), several


def _score(thing: Thing, said: Said) -> float:
    """The logit that this one is meant."""
    there = cells_of(thing.box, said.seen.shape)
    left, top, right, bottom = thing.box
    outward = {"left": -1, "right": 1}.get(said.aside, 0)
    return (
        np.log(thing.likelihood / (1 - thing.likelihood))
        + _SIZE * np.log(max((right - left) * (bottom - top), 1e-4))
        + _SEEN_THERE * said.seen[there].max()
        + _COLOURED * np.log1p(said.coloured[there].mean() / _HARDLY)
        + _FARTHER * outward * thing.middle[0]
    )


def aim_at(thing: Thing) -> tuple[float, float]:
    """Where a camera aims at a thing, (x, y)."""
    _, top, _, bottom = thing.box
    share = _LOOKED_AT if thing.kind in _family("animals") else 0.5
    return thing.middle[0], top + share * (bottom - top)


def owner_of(words: str, things: Sequence[Thing]) -> Thing | None:
    """The thing of whose part the words speak ("the bus's wheel", "the legs of the chair"), if one alone is seen."""
    kinds, _ = kinds_meant(owner_in(words))
    owners = [thing for thing in things if thing.kind in kinds]
    return owners[0] if len(owners) == 1 else None


def place_of(things: Sequence[Thing], chances: np.ndarray, several: bool) -> tuple[float, float] | None:
    """The place of what is meant, None where it may be one of several things: at least one, with the chance of each to
    be meant."""
    if several:
        return tuple(float(c) for c in np.average([thing.middle for thing in things], 0, chances))
    return aim_at(things[int(chances.argmax())]) if chances.max() >= _CLEARLY else None


def shown_by(things: Sequence[Thing], shape: tuple[int, int]) -> torch.Tensor:
    """Logits (rows, columns) to add where what is meant is one of these, or a part of one: elsewhere it is unlikely."""
    hint = torch.full(shape, _ELSEWHERE)
    for thing in things:
        hint[cells_of(thing.box, shape)] = 0
    return hint


def cells_of(box: tuple[float, float, float, float], shape: tuple[int, int]) -> tuple[slice, slice]:
    """The cells (rows, columns) that a box covers, at least one."""
    (rows, columns), (left, top, right, bottom) = shape, box
    first, start = min(rows - 1, int(top * rows)), min(columns - 1, int(left * columns))
    last, end = int(np.ceil(bottom * rows)), int(np.ceil(right * columns))
    return slice(first, max(first + 1, last)), slice(start, max(start + 1, end))
