"""Drawing training pairs: the grammar's own sentences, hand-written ones varied, and chains of both."""

import re

import attrs
import numpy as np

from dollygrip_backend.data.grammar import prompts
from dollygrip_backend.data.grammar.clauses import pick, thing
from dollygrip_backend.data.grammar.corpus import corpus, vary
from dollygrip_backend.data.grammar.mentions import told_before
from dollygrip_backend.data.grammar.pair import Pair, about_one, bare, first_letter
from dollygrip_backend.data.grammar.words import FRAMES, WORLD
from dollygrip_backend.predictor.plan import PAUSE_SHARE, Phase, Plan

_TYPO_SHARE = 0.12
_GRAMMAR = (
    (0.52, prompts.single),
    (0.65, prompts.still),
    (0.79, prompts.at_once),
    (0.94, prompts.in_order),
    (1.0, prompts.special),
)
_CLASHES = ({"pan", "orbit"}, {"truck", "orbit"}, {"tilt", "orbit"}, {"dolly", "zoom"}, {"dolly_zoom", "zoom"})


def sample_pair(rng: np.random.Generator) -> Pair:
    """Draw one prompt with its plan: half hand-written and varied, a quarter of the grammar, the rest chains."""
    kind = rng.random()
    pair = _written(rng) if kind < 0.56 else _of_grammar(rng) if kind < 0.82 else _chain(rng)
    text = re.sub(r"\s+([,.;:?])", r"\1", re.sub(r"\s+", " ", pair.prompt)).strip()
    if rng.random() < _TYPO_SHARE:
        text = typo(text, rng)
    style = rng.random()
    text = first_letter(text) if style < 0.5 else text.lower() if style < 0.6 else text
    text = text.upper() if style > 0.99 else text
    return Pair(text + ("." if bare(text)[-1].isalnum() and rng.random() < 0.35 else ""), pair.plan)


def _written(rng: np.random.Generator) -> Pair:
    pair = vary(pick(rng, corpus()), rng)
    if "{" in pair.prompt and rng.random() < 0.08 and (subject := thing(rng)) not in WORLD["pronouns"]:
        return told_before(pair, subject, rng)
    return attrs.evolve(pair, prompt=prompts.around(pair.prompt, rng)) if rng.random() < 0.15 else pair


def _of_grammar(rng: np.random.Generator) -> Pair:
    kind = rng.random()
    return next(maker for below, maker in _GRAMMAR if kind < below)(rng)


def _chain(rng: np.random.Generator) -> Pair:
    """Requests for single phases put together as they stand, one after the other or at once."""
    kind = rng.random()
    if kind < 0.3:
        a, b = _clause(rng), _clause(rng)
        families = [{move.family for move in pair.plan.phases[0].moves} for pair in (a, b)]
        if families[0] & families[1] or any(clash <= families[0] | families[1] for clash in _CLASHES):
            return _chain(rng)
        moves = a.plan.phases[0].moves + b.plan.phases[0].moves
        plan = Plan((Phase(moves, tempo=a.plan.phases[0].tempo),))
        return Pair(_joined("together", rng, a=a, b=b), plan)
    if kind < 0.5:
        a, b = _clause(rng), _clause(rng)
        return Pair(_joined("pause", rng, a=a, b=b), Plan((*a.plan.phases, Phase((), PAUSE_SHARE), *b.plan.phases)))
    if kind < 0.8:
        a, b = _clause(rng), _clause(rng)
        return Pair(_joined("then", rng, a=a, b=b), Plan(a.plan.phases + b.plan.phases))
    a, b, c = _clause(rng), _clause(rng), _clause(rng)
    return Pair(_joined("three", rng, a=a, b=b, c=c), Plan(a.plan.phases + b.plan.phases + c.plan.phases))


def _joined(frame: str, rng: np.random.Generator, **parts: Pair) -> str:
    """A chain's frame filled; most people do not write capitals in the middle of a sentence."""
    families = [{move.family for phase in pair.plan.phases for move in phase.moves} for pair in parts.values()]
    named = about_one([pair.prompt.rstrip(".!?,; ") for pair in parts.values()], families)
    words = dict(zip(parts, named, strict=True))
    lower = {key: text if bare(text)[:2].isupper() else first_letter(text, str.lower) for key, text in words.items()}
    return pick(rng, FRAMES["chains"][frame]).format(**(lower if rng.random() < 0.8 else words))


def _clause(rng: np.random.Generator) -> Pair:
    """A short request of one phase that moves."""
    while True:
        pair = vary(pick(rng, corpus()), rng) if rng.random() < 0.6 else prompts.plain(rng)
        phase, words = pair.plan.phases[0], bare(pair.prompt).split()
        if len(pair.plan.phases) == 1 and phase.moves and not pair.plan.handheld and len(words) <= 12:
            return pair


def typo(text: str, rng: np.random.Generator) -> str:
    """One slip of the fingers: a letter dropped, doubled or swapped with the next."""
    spots = [i for i in range(1, len(text) - 2) if text[i].isalpha() and text[i + 1].isalpha()]
    if not spots:
        return text
    i = pick(rng, spots)
    swapped = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    return pick(rng, [text[:i] + text[i + 1 :], text[:i] + text[i] + text[i:], swapped])
