"""People whose faces the picture shows: whether words name one of them or a part of one, who is meant, and where that
is.

What the face detector sees holds for photographs and drawings, too, of which the grounding has learned little.
"""

import re
import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import attrs
import numpy as np
from torch import Tensor

from dollygrip_backend.predictor.familiar import kinds_named
from dollygrip_backend.predictor.hints import words_naming
from dollygrip_backend.scene.faces import Face

_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_ENDING = re.compile(r".+(?:woman|man|girl|boy|person|lady)$")  # cameraman, schoolgirl …
_WHOSE = re.compile(r"\b(?:her|his|their|my|whose)\b")
_WHOM = {"her": "her", "his": "him", "their": "them", "my": "me", "whose": "the person"}
_ITS = re.compile(r"\bits\b")
_WORD = re.compile(r"[\w'-]+")
_OF = re.compile(r"\bof (.+)")
_PERHAPS_ONE = re.compile(r"the(?:m|y|ir)\b", re.IGNORECASE)
_OWNER = re.compile(r"([\w-]+)'s?$")
_OWNS = re.compile(r".+s$")  # with or without an apostrophe
_OWNED = re.compile(r"(.+?)'s? ")
# Of parts of people who stand, below the middle of the face, in its heights.
_HEIGHTS = {"hat": -0.6, "hair": -0.45, "face": 0.0, "chin": 0.42, "neck": 0.75}
_HEIGHTS |= {"chest": 1.5, "waist": 3.5, "knees": 6.5, "feet": 9.5}
_CLEARLY = 0.6  # the least share of one face in who is meant
_SEEN_THERE = 0.25  # weight of the grounding's logits about a person: how people look it has learned on rendered ones
_DRESSED, _WORN_BY = 3.0, 1.5  # weights of the colour that is said, and of what women and men mostly wear, …
_HARDLY = 0.02  # … of which so much hardly means anything
_SHOWN = 0.03  # of the colour that is said, on a person who wears it …
_LESS = 0.3  # … or logits that he or she may be less likely than the likeliest place
_OTHERWISE = -0.6  # log odds of dress and hair at which somebody else is meant
_MIDDLE = 0.45, 0.55  # of the picture's width: who is there may lie to either side of it
_FARTHER = 12.0  # logits from one border to the other for who is said to be on a side


def part_named(words: str) -> str | None:
    """Which part of a person the words that name a thing speak of: "person", "people", "face", "eyes", "nose",
    "mouth", "chin", "hair", "hat", "neck", "chest", "waist", "knees" or "feet"; None where they name no person."""
    *others, last = _name(words)
    if _ITS.search(words.lower()):
        return None
    owners = [match[1] for word in others if (match := _OWNER.match(word))]
    if of := _OF.search(words.lower()):
        owners.append(_name(of[1])[-1])
    if not all(_is_person(owner) or owner in _WORDS["people"]["several"] for owner in owners):
        return None
    if last in _WORDS["people"]["several"]:
        return "people"
    if _is_person(last.removesuffix("'s")) and not (others and last in _WORDS["people"]["alone"]):
        return "person"
    worn = _WORDS["worn"].items() if owners or _WHOSE.search(words.lower()) else ()
    return next((part for part, names in (*_WORDS["parts"].items(), *worn) if last in names), None)


def on_a_head(words: str) -> bool:
    """Whether words name what is on the head of an animal, or of whatever else has one: "the dog's nose"."""
    *others, last = _name(words)
    whose = _OF.search(words.lower()) or any(map(_OWNS.match, others)) or _ITS.search(words.lower())
    return bool(whose) and last in _WORDS["animals"]["head"]


def owner_in(words: str) -> str:
    """Who is meant, of words for a part of somebody: "the man's shoes" -> "the man", "her feet" -> "her"."""
    if match := _OF.search(words.lower()) or _OWNED.match(words.lower()):
        return match[1]
    whose = _WHOSE.search(words.lower())
    return _WHOM[whose[0]] if whose else "the person"


def may_be_anything(words: str) -> bool:
    """Whether words for a thing say only that the picture is about it ("the main subject"): a person, where there is
    one, else whatever is in its middle."""
    return _name(words)[-1] in _WORDS["people"]["anything"]


def _name(words: str) -> list[str]:
    """The words of a thing's name; at least one, for a pronoun is one, too ("her in the red coat")."""
    return words_naming(words).split() or words.lower().split()[:1] or [""]


def _is_person(word: str) -> bool:
    known = _WORDS["people"]
    return word in known["one"] or (bool(_ENDING.match(word)) and word not in known["none"])


def where(face: Face, part: str) -> tuple[float, float]:
    """The place (x, y) of a part of the person with this face; of one who is seen from afar the chest."""
    x, y = face.middle
    left, right, nose, *mouth = face.points
    if part == "person":
        y += 1.5 * face.height * np.clip(1.5 - 5 * face.height, 0, 1)
    elif part == "eyes":
        x, y = (left + right) / 2
    elif part == "nose":
        x, y = nose
    elif part == "mouth":
        x, y = np.mean(mouth, 0)
    else:
        y += _HEIGHTS[part] * face.height
    return float(np.clip(x, 0.01, 0.99)), float(np.clip(y, 0.01, 0.99))


@attrs.frozen(eq=False)
class Said:
    """What words say of who is meant, over the cells (rows, columns) of the picture.

    words: those that name the thing; seen: logits of places by them; coloured: how much of the colour they say each
    cell shows; kinds: gives what is familiar from photographs (KINDS, rows, columns); aside: "left", "right" or
    "middle" where they say so; worn: whether they say what the person wears; turns: ways in which the camera is to turn
    to them, of "left", "right", "up" and "down".
    """

    words: str
    seen: np.ndarray
    coloured: np.ndarray
    kinds: Callable[[], Tensor]
    aside: str | None
    worn: bool = False
    turns: Sequence[str] = ()


def fitting(faces: Sequence[Face], said: Said) -> list[Face]:
    """Those of them of whom it may be true what the words say outright; of whom they mean, the face may be hidden. It
    is if the only one is a woman's, as she is dressed, and a man is meant."""
    left, right = spanned_sides(said)
    fits = [face for face in faces if left <= face.middle[0] <= right and (not said.worn or _wears(face, said))]
    return fits if len(faces) > 1 else [f for f in fits if _dressed_as(said, _body(f, said.seen.shape)) > _OTHERWISE]


def spanned_sides(said: Said) -> tuple[float, float]:
    """From where to where across the picture, in shares of its width, the middle of what is meant may lie."""
    left, right = {"left": (0, 0.5), "right": (0.5, 1), "middle": (0.3, 0.7), None: (-1, 2)}[said.aside]
    left = max(left, _MIDDLE[0]) if "right" in said.turns else left
    return left, (min(right, _MIDDLE[1]) if "left" in said.turns else right)


def _wears(face: Face, said: Said) -> bool:
    body = _body(face, said.seen.shape)
    return bool(said.coloured[body].mean() > _SHOWN or said.seen[body].max() >= said.seen.max() - _LESS)


def meant(faces: Sequence[Face], said: Said) -> np.ndarray:
    """How likely each of these people is meant, (N,), together one: large ones rather than small ones, those who look
    or are dressed as the words say, and of those on a side the outermost."""
    scores = np.array([_score(face, said) for face in faces])
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def _score(face: Face, said: Said) -> float:
    """The logit that this one is meant."""
    body, outward = _body(face, said.seen.shape), {"left": -1, "right": 1}.get(said.aside, 0)
    return (
        2 * np.log(face.height)
        + _SEEN_THERE * said.seen[body].max()
        + _DRESSED * np.log1p(said.coloured[body].mean() / _HARDLY)
        + _dressed_as(said, body)
        + _FARTHER * outward * face.middle[0]
    )


def _dressed_as(said: Said, body: tuple[slice, slice]) -> float:
    """The log odds that a word for a woman or a man fits the person there by dress and hair, as photographs mostly show
    them; 0 where there is none, or both."""
    spoken = {word.removesuffix("'s") for word in _WORD.findall(said.words.lower())}
    way = bool(spoken & set(_WORDS["women"]["words"])) - bool(spoken & set(_WORDS["men"]["words"]))
    if not way:
        return 0.0
    worn = [said.kinds()[_kinds_worn(who)][:, *body].sum(0).mean() for who in ("women", "men")]
    women, men = (float(share) + _HARDLY for share in worn)
    return way * _WORN_BY * float(np.log(women / men))


@cache
def _kinds_worn(who: str) -> list[int]:
    return kinds_named(_WORDS[who]["kinds"])


def _body(face: Face, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The cells (rows, columns) that show the person: the face and four of its heights below it."""
    (rows, columns), (left, top, right, bottom) = shape, face.box
    first, left = min(rows - 1, max(0, int(top * rows))), min(columns - 1, max(0, int(left * columns)))
    last, right = int(np.ceil((bottom + 4 * face.height) * rows)), int(np.ceil(right * columns))
    return slice(first, max(first + 1, last)), slice(left, max(left + 1, right))


def whereabouts(faces: Sequence[Face], part: str, said: Said) -> tuple[tuple[float, float] | None, np.ndarray]:
    """The place of what is meant, None where it may be one of several people's, or several are meant of whom one alone
    shows a face; and how likely each cell shows it, together one. At least one face, `part` by `part_named`."""
    chances = meant(faces, said)
    places = [where(face, "person" if part == "people" else part) for face in faces]
    likely = np.zeros(said.seen.shape, np.float32)
    for chance, (x, y) in zip(chances, places, strict=True):
        likely[int(y * likely.shape[0]), int(x * likely.shape[1])] += chance
    if part == "people":
        unseen = len(faces) == 1 and not _PERHAPS_ONE.match(said.words)
        return (None if unseen else tuple(float(c) for c in np.mean(places, 0))), likely
    return (places[int(chances.argmax())] if chances.max() >= _CLEARLY else None), likely
