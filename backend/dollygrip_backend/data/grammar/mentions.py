"""How prompts speak of the thing that they are about: by its name, beside other things and among their colours, or
named first and then called "it"."""

import re

import numpy as np

from dollygrip_backend.data.grammar.clauses import pick
from dollygrip_backend.data.grammar.pair import Pair
from dollygrip_backend.data.grammar.words import WORLD

_BESIDE = (" near the ", ", while we also see the ", ". Behind it stands the ", ", past the ", ", not the ")
_COLOURS = (
    "red", "orange", "golden", "yellow", "green", "blue", "purple", "pink", "brown", "grey", "white", "black", "silver",
    "pale", "dark blue", "turquoise", "light green", "deep red",
)  # fmt: skip
# What has a colour without being what the prompt is about.
_SURROUNDINGS = (
    "under a {} sky", "in {} light", "against a {} wall", "over the {} hills", "through {} mist", "by the {} sea",
    "on a {} evening", "as the {} light fades", "while {} leaves fall", "beneath a {} ceiling", "beyond the {} water",
    "in front of a {} backdrop", "{} neon flickers", "{} tones everywhere", "on the {} carpet", "in a {} room",
    "{} clouds pass", "the {} curtains move", "in the {} grass", "{} shadows on the ground", "at {} hour",
)  # fmt: skip
_HE = {"man", "man's", "guy", "boy", "fellow", "hero", "knight", "soldier", "his"}
_SHE = {"woman", "woman's", "girl", "lady", "heroine", "bride"}
_THEY = {
    "person", "person's", "kid", "child", "figure", "character", "human", "stranger", "dancer", "actor", "singer",
    "player", "worker", "astronaut", "photographer", "model",
}  # fmt: skip


def with_subject(pair: Pair, subject: str, other: str | None, rng: np.random.Generator) -> Pair:
    """The pair about `subject` ("the red door"), sometimes with another thing mentioned beside it."""
    prompt = _about(pair.prompt, f"{{{subject}}}")
    if other:
        prompt = prompt.rstrip(". ") + pick(rng, _BESIDE) + other
    return Pair(prompt, pair.plan)


def told_before(pair: Pair, subject: str, rng: np.random.Generator) -> Pair:
    """The pair about "her", "him" or "it", after a sentence that says who or what that is."""
    words = set(subject.split())
    called = "him" if words & _HE else "her" if words & _SHE else pick(rng, ["her", "him"]) if words & _THEY else "it"
    told = f"{{{subject}}} {pick(rng, WORLD['actions'])}"
    link = pick(rng, [". ", ", ", "; ", ". Camera: ", " and the camera: "])
    return Pair(told + link + _about(pair.prompt, called), pair.plan)


def among_colours(prompt: str, rng: np.random.Generator) -> str:
    """The prompt with a colour before or after it that is none of its subject's."""
    surroundings = pick(rng, _SURROUNDINGS).format(pick(rng, _COLOURS))
    if rng.random() < 0.5:
        return surroundings + pick(rng, [", ", ". ", ": ", " - "]) + prompt
    return prompt.rstrip(". ") + pick(rng, [", ", " ", ". ", "; "]) + surroundings


def _about(prompt: str, subject: str) -> str:
    return re.sub(r"\{[^{}]*\}", subject, prompt)
