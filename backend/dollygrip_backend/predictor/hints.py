"""What words say outright of where a thing is: on which side of the picture, among what of its colour, and where the
picture looks like photographs of such things.

The grounding learns the first two; as rules they are certain, and hold for pictures unlike those that it learnt from.
The third knows more names than it does.
"""

import re

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from dollygrip_backend.predictor.colours import CENTRES, SHADES, lab

# Words that tell things apart by their side; those for a way ("to the left") and for a place beside another do not.
_ASIDE = re.compile(r"\b(?:on|at) the (?:far |very )?(left|right)\b(?! of)|\b(left|right)(?:-hand (?!side)|most )")
_OTHER_HALF = -4.0  # logits of cells in the half where the words say that the thing is not
_SHADE = {word: number for number, words in enumerate(SHADES) for word in words}
_WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")
_COLOUR = re.compile(rf"\b(?:{'|'.join(sorted(_SHADE, key=len, reverse=True))})\b")
_ARTICLES = re.compile(r"(?:the|an?|this|that|these|those|my|our|his|her|its|their)$")
_NAMING = 0.1  # least share of its words in those that name the thing, where a colour is the thing's
_OF_THE_COLOUR = 2.0  # logits of cells that show it
_CLOSE = 25.0  # distance in CIE Lab, lightness halved, for shadows are darker, at which a pixel is hardly of a colour
_ENOUGH = 0.3  # of a cell's pixels
_SELDOM, _FAMILIAR = 0.02, 1.5  # likelihood of a kind in a cell that hardly means anything; logits for each factor of e


def said_aside(prompt: str, shape: tuple[int, int]) -> Tensor:
    """Logits (rows, columns) to add to those of a thing's place: where the prompt says on which side it is ("the man on
    the left", not "go to the left"), the other half is unlikely."""
    sides = {match[1] or match[2] for match in _ASIDE.finditer(prompt.lower())}
    if len(sides) != 1:
        return torch.zeros(shape)
    across = (torch.arange(shape[1]) + 0.5) / shape[1]
    away = across if sides == {"left"} else 1 - across
    return (_OTHER_HALF * ((away - 0.4) / 0.2).clamp(0, 1)).expand(shape)


def said_coloured(prompt: str, starts: np.ndarray, picked: Tensor, colours: Tensor, shape: tuple[int, int]) -> Tensor:
    """The same for its colour: where one is said of it ("the red door"), cells that show it are likelier.

    starts (L,): the character at which each word piece of the prompt begins; picked (L,): its share in what names the
    thing; colours (3, H, W): the picture in 0..1.
    """
    shades = {
        _SHADE[match[0]]
        for match in _COLOUR.finditer(prompt.lower())
        if picked[: len(starts)][(starts >= match.start()) & (starts < match.end())].sum() > _NAMING
    }
    if len(shades) != 1:
        return torch.zeros(shape)
    rows, columns = shape
    pixels = interpolate(colours[None], (4 * rows, 4 * columns), mode="area")[0].flatten(1).T
    away = (lab(pixels.numpy()) - CENTRES[shades.pop()]) * (0.5, 1, 1)
    alike = torch.from_numpy(np.exp(-((np.linalg.norm(away, axis=1) / _CLOSE) ** 2))).float()
    shown = avg_pool2d(alike.unflatten(0, (1, 4 * rows, 4 * columns)), 4)[0]
    return _OF_THE_COLOUR * (shown / _ENOUGH).clamp(0, 1)


def words_naming(prompt: str, starts: np.ndarray, picked: Tensor) -> str:
    """The words that name the thing, without articles and colours: "orbit the red bowl" -> "bowl"; may be empty."""
    shares = picked[: len(starts)].numpy()
    words = []
    for match in _WORD.finditer(prompt.lower()):
        share = shares[(starts >= match.start()) & (starts < match.end())].sum()
        if share > _NAMING and not _ARTICLES.match(match[0]) and match[0] not in _SHADE:
            words.append(match[0])
    return " ".join(words)


def looking_familiar(alike: Tensor, kinds: Tensor) -> Tensor:
    """Logits (rows, columns) to add where the picture shows kinds of things that the words may name.

    alike (KINDS,): how much the words mean each kind, from 0 to 1; kinds (KINDS, rows, columns): how likely each cell
    shows it.
    """
    return _FAMILIAR * torch.log1p(torch.einsum("k,krc->rc", alike, kinds) / _SELDOM)
