"""What words say outright of where a thing is: on which side of the picture or in its middle, among what of its colour,
below what a person wears, and where the picture looks like photographs of such things.

The grounding learns the first; as rules they are certain, and hold for pictures unlike those that it learnt from. The
last knows more names than it does.
"""

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, pad

from dollygrip_backend.predictor.colours import CENTRES, SHADES, lab

# Words that tell things apart by their side; those for a way ("to the left") and for a place beside another do not.
_ASIDE = re.compile(r"\b(?:on|at) the (?:far |very )?(left|right)\b(?! of)|\b(left|right)(?:-hand (?!side)|most )")
_CENTRAL = re.compile(r"\b(?:in|at) the (?:middle|cent(?:er|re))\b(?! of)")
_NEXT = len(" in the middle of")  # characters after a thing's name that may put it there
_OTHER_HALF = -4.0  # logits of cells in the half where the words say that the thing is not
_OTHER_WAY, _HARDLY_AWAY = -3.0, 0.05  # of those on the other side of the middle than the camera turns to, from so far
_SHADE = {word: number for number, words in enumerate(SHADES) for word in words}
_WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")
_WORD_HERE = re.compile(r"\w+|.?")
_COLOUR = re.compile(rf"\b(?:{'|'.join(sorted(_SHADE, key=len, reverse=True))})\b")
_CLAUSE = re.compile(r"[.,;:!?\n]|\s(?:while|until|then|when|as|and then)\b", re.IGNORECASE)
_HANGING = re.compile(
    r"(?:\s+(?:on|in|at|with|by|of|from|near|behind|under|to|and|the|an?|who|that|which))+$", re.IGNORECASE
)
_ARTICLES = re.compile(r"(?:the|an?|this|that|these|those|my|our|his|her|its|their)$")
# Of the largest share of a word piece in what names the thing, the least of those that do; and the least share of what
# follows a word that only says whose it is ("his shoes", "the dog's nose").
_OWN, _OWNED = 0.4, 0.1
_WHOSE_HERE = re.compile(r"(?:(?:the|an?) )?(?:her|his|their|its|my|[\w-]+(?:'s?|s)) [\w-]+", re.IGNORECASE)
# Where what tells a thing apart begins, after its name.
_TELLING = {"in", "with", "wearing", "on", "at", "by", "of", "from", "near", "behind", "under", "who", "that", "which"}
_PERSON = r"(?:woman|lady|girl|man|guy|boy|kid|child|person|one|figure|dude|fellow|character)"
_CLOTHES = (
    r"(?:hats?|cap|helmet|(?:head)?scarf|turban|hood|hair|beard|glasses|shirt|t-shirt|jacket|coat|dress|skirt|trousers|"
    r"pants|jeans|shorts|suit|vest|sweater|hoodie|apron|uniform|shoes|boots)"
)
_WORN = re.compile(
    rf"\b{_PERSON} (?:in|with|wearing) ((?:(?:the|an?|her|his) )?(?:[\w-]+ ){{0,2}}?{_CLOTHES})\b"
    rf"|\b({_CLOTHES}) {_PERSON}\b"
)
_ALONG = re.compile(r"\b(?:along|through|across) $")
_ON = re.compile(r"\b(?:up|down|over) $")
_WAY = re.compile(
    r"\b(?:side ?walk|pavement|footway|road|path|street|lane|alley|stairs?|staircase|steps|hill|slope|track|trail|"
    r"aisle|corridor|hallway|tunnel|bridge|drive(?:way)?)\b"
)
_WEARING = 2.5  # logits of the person for each factor of e of what he or she wears
_OF_THE_COLOUR = 2.0  # logits of cells that show it
_CLOSE = 25.0  # distance in CIE Lab, lightness halved, for shadows are darker, at which a pixel is hardly of a colour
_ENOUGH = 0.3  # of a cell's pixels
_SELDOM, _FAMILIAR = 0.02, 1.5  # likelihood of a kind in a cell that hardly means anything; logits for each factor of e


def side_said(prompt: str, span: tuple[int, int]) -> str | None:
    """ "left", "right" or "middle" where the prompt says that the thing which `span` of it names is in the picture
    ("the man on the left", not "go to the left")."""
    sides = {match[1] or match[2] for match in _ASIDE.finditer(prompt.lower())}
    if len(sides) == 1:
        return sides.pop()
    return "middle" if _CENTRAL.search(prompt[span[0] : span[1] + _NEXT].lower()) else None


def said_aside(side: str | None, shape: tuple[int, int]) -> Tensor:
    """Logits (rows, columns) to add to those of a thing's place: elsewhere than where `side_said` it is unlikely."""
    across = (torch.arange(shape[1]) + 0.5) / shape[1]
    away = {"left": across - 0.4, "right": 0.6 - across, "middle": (across - 0.5).abs() - 0.15}
    return (_OTHER_HALF * (away[side] / 0.2).clamp(0, 1)).expand(shape) if side else torch.zeros(shape)


def said_turned(ways: Sequence[str], shape: tuple[int, int]) -> Tensor:
    """The same for what a camera turns to, in these ways: what lies the other way is less likely it."""
    down, across = ((torch.arange(count) + 0.5) / count for count in shape)
    away = {"left": across - 0.5, "right": 0.5 - across, "up": (down - 0.5)[:, None], "down": (0.5 - down)[:, None]}
    hint = torch.zeros(shape)
    for way in ways:
        hint = hint + _OTHER_WAY * ((away[way] - _HARDLY_AWAY) / 0.2).clamp(0, 1)
    return hint


def naming_in(prompt: str, starts: np.ndarray, picked: Tensor) -> tuple[int, int]:
    """The characters of the prompt, from the first to the one after the last, that name the thing: starts (L,), the
    character at which each word piece begins; picked (at least L,), its share in that."""
    shares = picked[: len(starts)].numpy()
    own = np.flatnonzero(shares > _OWN * shares.max(initial=0))
    if not len(own):
        return 0, 0
    last = starts[own[-1]]
    end = _WORD_HERE.match(prompt, last).end()
    if (owned := _WHOSE_HERE.match(prompt, last)) and shares[(starts > last) & (starts < owned.end())].sum() > _OWNED:
        end = owned.end()
    return int(starts[own[0]]), end


def said_coloured(said: str, colours: Tensor, shape: tuple[int, int]) -> Tensor:
    """The same for its colour: where the words that name it say one ("the red door"), cells that show it are likelier.

    colours (3, H, W): the picture in 0..1.
    """
    shades = {_SHADE[colour] for colour in _COLOUR.findall(said.lower())}
    if len(shades) != 1:
        return torch.zeros(shape)
    rows, columns = shape
    pixels = interpolate(colours[None], (4 * rows, 4 * columns), mode="area")[0].flatten(1).T
    away = (lab(pixels.numpy()) - CENTRES[shades.pop()]) * (0.5, 1, 1)
    alike = torch.from_numpy(np.exp(-((np.linalg.norm(away, axis=1) / _CLOSE) ** 2))).float()
    shown = avg_pool2d(alike.unflatten(0, (1, 4 * rows, 4 * columns)), 4)[0]
    return _OF_THE_COLOUR * (shown / _ENOUGH).clamp(0, 1)


def in_short(said: str) -> str:
    """The words that name a thing as they are told to a user: their first clause, without a cut-off end."""
    clause = _CLAUSE.split(said.strip(), 1)[0]
    return _HANGING.sub("", clause)


def words_naming(said: str) -> str:
    """Of the words that name a thing its name alone: "the red bowl on the table" -> "bowl"; may be empty."""
    words = []
    for number, word in enumerate(_WORD.findall(said.lower())):
        if word in _TELLING and number:
            break
        if not _ARTICLES.match(word) and word not in _SHADE:
            words.append(word)
    return " ".join(words)


def on_the_way(prompt: str, span: tuple[int, int]) -> bool:
    """Whether what `span` of the prompt names is a way that the camera goes, not its aim: "up the road", "along the
    wall"."""
    before, said = prompt[: span[0]].lower(), prompt[slice(*span)].lower()
    return bool(_ALONG.search(before) or (_ON.search(before) and _WAY.search(said)))


def said_worn(prompt: str, span: tuple[int, int]) -> tuple[int, int]:
    """The characters that say what the person wears whom `span` of the prompt names: "go to the man in the cap" -> "the
    cap"; (0, 0) where there are none."""
    match = _WORN.search(prompt.lower(), span[0])
    return match.span(match.lastindex) if match and match.start() < span[1] else (0, 0)


def wearing(worn: Tensor) -> Tensor:
    """Logits (rows, columns) to add for a person who wears what is at each cell with the likelihood (rows, columns):
    whoever is below it, or around."""
    near = max_pool2d(pad(worn[None], (2, 2, 6, 1)), (8, 5), 1)[0]
    return _WEARING * torch.log1p(near / _SELDOM)


def looking_familiar(alike: Tensor, kinds: Tensor) -> Tensor:
    """Logits (rows, columns) to add where the picture shows kinds of things that the words may name.

    alike (KINDS,): how much the words mean each kind, from 0 to 1; kinds (KINDS, rows, columns): how likely each cell
    shows it.
    """
    return _FAMILIAR * torch.log1p(torch.einsum("k,krc->rc", alike, kinds) / _SELDOM)
