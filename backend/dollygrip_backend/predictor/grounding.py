"""Grounding: where in the reference is the thing that the words name? The picture half of the vision-language module.

Two towers, as in contrastive language-image models (CLIP, arXiv 2103.00020), but cell by cell: picture and depth become
tokens that attend to one another; each cell is compared with the words that name the thing, which the shot reader
points at. One more score stands for "not in the picture".
"""

from collections.abc import Callable, Sequence
from functools import cache

import attrs
import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, normalize

from dollygrip_backend.precision import autocast
from dollygrip_backend.predictor.bodies import BELOW, HEADS, head_of, on_body
from dollygrip_backend.predictor.familiar import kinds_like
from dollygrip_backend.predictor.hints import (
    in_short,
    looking_familiar,
    naming_in,
    on_the_way,
    said_aside,
    said_coloured,
    said_turned,
    said_worn,
    side_said,
    wearing,
    words_naming,
)
from dollygrip_backend.predictor.looks import (
    AT_ALL_OF_IT,
    COLUMNS,
    PICTURE,
    PLANES,
    ROWS,
    colours_of,
    looks_at,
    mean_of_looks,
    rgb_of,
    shrunk,
)
from dollygrip_backend.predictor.people import (
    Said,
    fitting,
    may_be_anything,
    on_a_head,
    owner_in,
    part_named,
    whereabouts,
)
from dollygrip_backend.predictor.picture_features import WIDTHS, PictureFeatures, Reading
from dollygrip_backend.predictor.text import FEATURES, TextEncoder, TextFeatures
from dollygrip_backend.predictor.things import meant_by, names_a_kind, owner_of, place_of, shown_by
from dollygrip_backend.scene.depth_network import AttentionBlock, ResidualBlock
from dollygrip_backend.scene.faces import Face
from dollygrip_backend.scene.hidden_faces import hidden_faces
from dollygrip_backend.scene.things import Thing

# When a thing is taken as found: its probability to be absent at most, and the share of the rest that must lie around
# the likeliest three by three cells. People mostly speak of what is there, so absence must be likely to count.
_ABSENT, _TOGETHER = 0.8, 0.4
_REACH = 3  # cells to each side of the likeliest: what lies around it, and over which a place is the mean
# People mostly speak of what is near the middle, too: farther aside, of the picture's width, a camera only turns to it
# where more lies together, or where its colour is said and seen.
_ASIDE, _SURELY_TOGETHER = 0.15, 0.6
_SEEN = 1.0  # the least logit of a colour that is seen
# The same for words of which it is not sure that they name a thing, and the least logit of that.
_CLEARLY_THERE, _CLEARLY_TOGETHER, _MAYBE = 0.5, 0.8, -3.0
_RATHER = -2.0  # the least logit of words that are taken to name a thing which is not clearly seen …
_HARDLY = -4.0  # … and of those that tell on which side it is, where nothing else does …
_ONE_SIDE = 0.6  # … and it is there with this likelihood. On other scenes that is right for 85 % of what is not found


@attrs.frozen
class Named:
    """What B prompts name: phrase (B, width), unit vectors; logits (B,) that they name a thing at all; picked (B, L),
    the share of each word in that, together one."""

    phrase: Tensor
    something: Tensor
    picked: Tensor


@attrs.frozen
class Seen:
    """One picture: cells (1, ROWS * COLUMNS, width) and absent (1, width) of `Grounding.see`, colours (3, H, W) in
    0..1; and what gives the likelihoods (KINDS, ROWS, COLUMNS) of what is familiar from photographs, the faces and the
    everyday things, which are looked for when words first name such things or people."""

    cells: Tensor
    absent: Tensor
    colours: Tensor
    kinds: Callable[[], Tensor]
    faces: Callable[[], list[Face]] = list
    things: Callable[[], list[Thing]] = list


@attrs.frozen
class Found:
    """A thing in the picture.

    place: (x, y), 0..1, None where it is nowhere clearly; named: the logit that the words name a thing at all; likely:
    float (ROWS, COLUMNS), how likely each part of the picture shows it, None where a user gave its place; sure: whether
    that is enough for a camera to turn to it; words: those that name it, "" where a user gave its place; several:
    whether it is a group of things, about whose `place` there may be none of them.
    """

    place: tuple[float, float] | None
    named: float = float("inf")
    likely: np.ndarray | None = None
    sure: bool = True
    words: str = ""
    several: bool = False

    @property
    def meant(self) -> bool:
        """Whether the words name it and it is surely there, so that a camera may turn to it or about it."""
        return self.place is not None and self.named > 0 and self.sure

    @property
    def perhaps(self) -> np.ndarray | None:
        """Where it may be, if it is nowhere clearly, but there is rather something that the words name."""
        return self.likely if self.place is None and self.named > _RATHER else None

    @property
    def side(self) -> str | None:
        """ "left" or "right", the half of the picture that shows it oftener than not; None where that is too open."""
        if self.likely is None:
            return None
        left, right = (half.sum() for half in np.hsplit(self.likely, 2))
        least = _ONE_SIDE * (left + right)  # nothing at all, where the thing is surely absent
        return "right" if right > max(least, left) else "left" if left > max(least, right) else None


class Grounding(ModelMixin, ConfigMixin):
    """Words and a picture -> logits of the thing's place; see the module's docstring."""

    @register_to_config
    def __init__(self, width: int = 128, heads: int = 4, depth: int = 3, channels: tuple[int, int] = (48, 96)):
        super().__init__()
        self.phrase = nn.Sequential(
            nn.LayerNorm(FEATURES), nn.Linear(FEATURES, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        fine, coarse = channels
        self.picture_in = nn.Sequential(
            nn.Conv2d(PLANES, fine, 6, 4, 1),
            ResidualBlock(fine),
            nn.Conv2d(fine, coarse, 4, 2, 1),
            ResidualBlock(coarse),
            ResidualBlock(coarse),
        )
        self.down = nn.Conv2d(coarse, width, 4, 2, 1)
        self.place = nn.Parameter(torch.randn(width, ROWS // 2, COLUMNS // 2) * 0.02)
        self.blocks = nn.Sequential(*(AttentionBlock(width, heads) for _ in range(depth)))
        self.up, self.beside = nn.Conv2d(width, width, 1), nn.Conv2d(coarse, width, 1)
        self.decode = nn.Sequential(ResidualBlock(width), ResidualBlock(width))
        self.norm = nn.LayerNorm(width)
        self.shown = nn.Linear(width, width)
        self.absent = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.tensor(2.3))
        self.reading = nn.ModuleList((Reading(WIDTHS[0], coarse), Reading(WIDTHS[1], width)))

    def embed(self, features: Tensor) -> Tensor:
        """Features (..., 768) of a phrase, the mean over its tokens -> unit vectors (..., width)."""
        return normalize(self.phrase(features).float(), dim=-1)

    def name(self, text: TextFeatures, subject: Tensor) -> Named:
        """What prompts name by `Reading.subject`, logits (B, 1 + L)."""
        picked = subject[:, 1:].softmax(-1)
        return Named(
            phrase=self.embed((picked[..., None] * text.features).sum(1)),
            something=subject[:, 1:].logsumexp(-1) - subject[:, 0],
            picked=picked,
        )

    def see(self, picture: Tensor, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Pictures (B, planes, H, W) of `picture_planes` and what `PictureFeatures` give of their colours -> cells
        (B, ROWS * COLUMNS, width), and absent (B, width), with which a phrase is compared for not being there."""
        near = self.picture_in(picture) + self.reading[0](features[0])
        coarse = self.down(near) + self.place + self.reading[1](features[1])
        far = self.blocks(coarse.flatten(2).transpose(1, 2)).transpose(1, 2).view_as(coarse)
        cells = self.decode(self.beside(near) + interpolate(self.up(far), scale_factor=2.0))
        cells = self.norm(cells.flatten(2).transpose(1, 2))
        return self.shown(cells).float(), self.absent(cells.mean(1)).float()

    def look_at(self, image: np.ndarray, depth: np.ndarray | None, features: PictureFeatures) -> Seen:
        """As `see` of one picture, uint8 (H, W, 3), and its depth (H, W): the mean over looks at all of it and at
        windows of it; what is absent is absent from all of it."""
        image, depth = shrunk(image, depth)
        pictures = looks_at(image, depth).to(self.device)
        with autocast(self.device):
            cells, absent = self.see(pictures, features(rgb_of(pictures)))
        absent = absent[AT_ALL_OF_IT].mean(0, keepdim=True)
        kinds = cache(lambda: self._kinds_in(image, features))
        return Seen(mean_of_looks(cells), absent, colours_of(image, *PICTURE), kinds)

    @torch.inference_mode()
    def _kinds_in(self, image: np.ndarray, features: PictureFeatures) -> Tensor:
        # Twice as large as the planes, one cell of the features is one of ours.
        large = colours_of(image, 2 * PICTURE[0], 2 * PICTURE[1])[None].to(self.device)
        with autocast(self.device):
            return features.kinds_in(large)[0].float().cpu()

    def compare(self, cells: Tensor, absent: Tensor, phrase: Tensor) -> Tensor:
        """Logits (B, P, 1 + ROWS * COLUMNS) of P phrases (B, P, width) over each picture, first of their absence."""
        both = torch.cat([absent[:, None], cells], 1)
        return torch.einsum("bpd,bnd->bpn", phrase, both) * self.scale.exp() * phrase.shape[-1] ** -0.5

    @torch.inference_mode()
    def find(
        self,
        prompts: Sequence[str],
        text: TextFeatures,
        subject: Tensor,
        turns: Sequence[Sequence[str]],
        see: Callable[[], Seen],
        encoder: TextEncoder,
    ) -> list[Found | None]:
        """For each prompt, its features by the encoder, its `Reading.subject` and its `Plan.turns`, what it names in
        the picture, or None. see: gives the picture; not called where no prompt names a thing."""
        named = self.name(text, subject)
        names = (named.something > _HARDLY).tolist()
        if not any(names):
            return [None] * len(prompts)
        seen = see()
        logits = self.compare(seen.cells, seen.absent, named.phrase[None])[0].cpu()
        spans = [naming_in(*pieces) for pieces in zip(prompts, text.starts, named.picked.cpu(), strict=True)]
        said = [prompt[slice(*span)] for prompt, span in zip(prompts, spans, strict=True)]
        alike, found = kinds_like(encoder.meanings([words_naming(words) for words in said])), []
        for row, place in enumerate(logits[:, 1:].unflatten(1, (ROWS, COLUMNS))):  # a view: hints go into the logits
            if not names[row]:
                found.append(None)
                continue
            colour = said_coloured(said[row], seen.colours, place.shape)
            aside = side_said(prompts[row], spans[row])
            place += said_aside(aside, place.shape) + said_turned(turns[row], place.shape) + colour
            if said[row] and alike[row].any():
                place += looking_familiar(alike[row], seen.kinds())
            first, end = said_worn(prompts[row], spans[row])
            worn = (text.starts[row] >= first) & (text.starts[row] < end)
            if worn.any():
                clothes = self.embed(text.features[row, np.flatnonzero(worn)].mean(0, keepdim=True))
                place += wearing(self._compared(clothes, seen).softmax(-1)[0, 1:].unflatten(0, place.shape))
            dressed = said_coloured(f"{said[row]} {prompts[row][first:end]}", seen.colours, place.shape)
            who = Said(in_short(said[row]), place.numpy(), dressed.numpy(), seen.kinds, aside, bool(end), turns[row])
            way, coloured = on_the_way(prompts[row], spans[row]), bool(colour.max() > _SEEN)
            something = float(named.something[row])
            thing = _person(who, something, seen)
            if not thing and names_a_kind(who.words):
                thing, among = _everyday(who, something, seen.things(), way)
                hint = shown_by(among, place.shape) if among else torch.zeros(place.shape)
                own = found_in(logits[row].softmax(-1), something, coloured, way)
                if own and own.place and hint.flatten()[(place + hint).argmax()] < 0:
                    thing = None  # the grounding is surer of another place: in renders, of which it has seen more
                else:
                    place += hint
            if not (thing or may_be_anything(said[row])):
                thing = found_in(logits[row].softmax(-1), something, coloured, way)
                thing = thing and self._on_body(thing, who, seen, encoder)
            found.append(thing and attrs.evolve(thing, words=in_short(said[row])))
        return found

    def _compared(self, phrases: Tensor, seen: Seen) -> Tensor:
        """As `compare` of phrases (P, width) with one picture: (P, 1 + ROWS * COLUMNS)."""
        return self.compare(seen.cells, seen.absent, phrases[None])[0].cpu()

    def _on_body(self, thing: Found, who: Said, seen: Seen, encoder: TextEncoder) -> Found:
        """Somebody whose face is hidden, found where a camera aims at him or her, or at the part that words name."""
        part = part_named(who.words) or ("head" if on_a_head(who.words) else None)
        if part in (None, "people"):
            return thing
        owner = [owner_in(who.words)] if part in BELOW else []
        text = encoder.encode([*HEADS, *owner]).to(self.device)
        words = text.mask[..., None]
        logits = self._compared(self.embed((text.features * words).sum(1) / words.sum(1)), seen)
        logits[:, 1:] += said_aside(who.aside, (ROWS, COLUMNS)).flatten()
        probability = logits.softmax(-1)
        body = found_in(probability[-1], thing.named) if owner else thing
        heads = probability[: len(HEADS)].mean(0)[1:].unflatten(0, (ROWS, COLUMNS)).numpy()
        head = head_of(body.place, heads) if body and body.place else None
        return attrs.evolve(thing, place=on_body(part, body.place, head), sure=body.sure) if head else thing


def _person(who: Said, named: float, seen: Seen) -> Found | None:
    """The person whom words name, or a part of one; None where they name something else or no face is seen."""
    part = part_named(who.words)
    faces = fitting([*seen.faces(), *hidden_faces(seen.things(), seen.faces())], who) if part else []
    if not faces:
        return None
    place, likely = whereabouts(faces, part, who)
    return Found(place, named, likely, several=part == "people" and len(faces) > 1)


def _everyday(who: Said, named: float, things: Sequence[Thing], way: bool) -> tuple[Found | None, Sequence[Thing]]:
    """The thing of a kind familiar from photographs that words name, None where they name another or it is not clear
    which; and those one of which it is, or is a part of."""
    meant, chances, several = meant_by(who, things)
    if not meant:
        owner = owner_of(who.words, things)
        return None, [owner] if owner else []
    place = place_of(meant, chances, several)
    if place is None:
        return None, meant
    likely = np.exp(shown_by(meant if several else meant[:1], who.seen.shape).numpy())
    return Found(place, named, likely / likely.sum(), sure=not way, several=several), meant


def found_in(probability: Tensor, named: float, coloured: bool = False, way: bool = False) -> Found | None:
    """Likelihoods (1 + ROWS * COLUMNS,) of absence and of places, the logit that a prompt names a thing -> the thing.

    coloured: whether its colour is said and seen; way: whether the camera goes along it, which is no aim. Where it is
    rather not named, but so clearly there that it may be, its distance is known and no more.
    """
    place, together = _likeliest(probability)
    absent, least = (_ABSENT, _TOGETHER) if named > 0 else (_CLEARLY_THERE, _CLEARLY_TOGETHER)
    there = named > _MAYBE and float(probability[0]) <= absent and together >= least
    sure = not way and (coloured or together >= _SURELY_TOGETHER or abs(place[0] - 0.5) <= _ASIDE)
    likely = probability[1:].unflatten(0, (ROWS, COLUMNS)).numpy()
    return Found(place if there else None, named, likely, sure) if there or named > _HARDLY else None


def _likeliest(probability: Tensor) -> tuple[tuple[float, float], float]:
    """(1 + ROWS * COLUMNS,) -> the mean place about the likeliest three by three cells, and the share of the likelihood
    that lies there: little where it is scattered, as it is on pictures unlike the rendered ones."""
    cells = probability[1:].unflatten(0, (ROWS, COLUMNS)).numpy()
    nine = avg_pool2d(probability[None, 1:].unflatten(1, (ROWS, COLUMNS)), 3, 1, 1, divisor_override=1)[0].numpy()
    row, column = np.unravel_index(nine.argmax(), nine.shape)
    top, left = max(0, row - _REACH), max(0, column - _REACH)
    near = cells[top : row + _REACH + 1, left : column + _REACH + 1]
    y, x = np.mgrid[top : top + near.shape[0], left : left + near.shape[1]]
    x, y = (float((axis * near).sum() / near.sum()) + 0.5 for axis in (x, y))
    return (x / COLUMNS, y / ROWS), float(near.sum() / cells.sum())
