"""Prompts of the grammar: clauses put into sentences as crew, directors and laymen say them, with scenery around."""

import attrs
import numpy as np

from dollygrip_backend.data.grammar.clauses import SPOKEN, Clause, article, clause, fill, pick, thing
from dollygrip_backend.data.grammar.pair import Pair, about_one, bare
from dollygrip_backend.data.grammar.words import FRAMES, WORLD
from dollygrip_backend.data.grammar.words import MOVES as WORDS
from dollygrip_backend.predictor.plan import EITHER, FAMILIES, HANDHELD, PAUSE_SHARE, Move, Phase, Plan

MOVES = [f"{family}_{way}" for family, ways in FAMILIES.items() if family != "dolly_zoom" for way in ways]
_SAID = [*MOVES, *(f"{family}_{EITHER}" for family in ("pan", "roll", "orbit"))]  # some without saying which way
_REFUSABLE = {
    "pan": "panning",
    "tilt": "tilting",
    "zoom": "zooming",
    "dolly": "moving forward or back",
    "roll": "rolling",
    "truck": "moving sideways",
}
# Families that cannot be told apart, or not filmed, at once.
_CLASHES = [
    {"pan", "orbit"},
    {"truck", "orbit"},
    {"pan", "truck"},
    {"tilt", "pedestal"},
    {"tilt", "orbit"},
    {"dolly", "zoom"},
]


def sentence(c: Clause, rng: np.random.Generator) -> str:
    """A whole request for one clause, in one of many voices."""
    form = rng.random()
    if form < 0.36:
        return c.imperative
    if form < 0.58:
        actor = pick(rng, FRAMES["actors"])
        return f"{actor} {c.imperative if actor.startswith('we') else c.third}"
    if form < 0.76:
        return pick(rng, FRAMES["nouns"]).format(n=c.noun, a=article(c.noun))
    if form < 0.86:
        return f"{pick(rng, FRAMES['doing'])} {c.gerund}".strip()
    return pick(rng, FRAMES["wishes"]).format(v=c.imperative)


def scenery(rng: np.random.Generator) -> str:
    """A description in which subjects may move in any direction, and the camera is not mentioned."""
    subject = thing(rng).replace("our ", "the ")
    action = pick(rng, WORLD["actions"]) if rng.random() < 0.4 else _action(rng)
    parts = [
        f"{subject} {action}",
        f"{subject} {pick(rng, WORLD['settings'])}",
        pick(rng, WORLD["ambient"]),
        f"{subject} in {pick(rng, WORLD['places'])}",
    ]
    count = pick(rng, [1, 1, 1, 2, 2, 3])
    return pick(rng, [", ", ". ", ", "]).join(parts[i] for i in rng.permutation(4)[:count])


def _action(rng) -> str:
    """What a subject does, in any direction that a camera may take."""
    sides = [words for way in WORDS["sides"].values() for words in way]
    way = pick(rng, sides) if rng.random() < 0.6 else fill(pick(rng, WORLD["subject_ways"]), "", rng)
    return f"{pick(rng, WORLD['subject_verbs'])} {way}"


def around(request: str, rng) -> str:
    """Put scenery before or after the request, or leave it alone."""
    place = rng.random()
    if place < 0.5:
        return request
    scene = scenery(rng)
    if place < 0.72:
        return f"{scene}{pick(rng, ['. ', ', ', '; ', ' - ', '. '])}{request}"
    if place < 0.88:
        return f"{request}{pick(rng, ['. ', ', ', ' as ', ' while ', ': '])}{scene}"
    link = pick(rng, ["of", "on", "in front of", "with", "showing"])
    subject = thing(rng) if request != bare(request) else f"{{{thing(rng)}}}"
    return f"{request} {link} {subject} {pick(rng, WORLD['settings'])}"


def _refusal(family: str, rng) -> str:
    """A suffix that excludes other moves: they stay out."""
    made = {family, "pan", "truck"} if family == "orbit" else {family}
    form = pick(rng, FRAMES["refusals"])
    return form.format(pick(rng, [words for key, words in _REFUSABLE.items() if key not in made]))


def single(rng: np.random.Generator, name: str | None = None) -> Pair:
    """One plain move."""
    family, way = (name or pick(rng, _SAID)).rsplit("_", 1)
    intent = WORLD["intent"].get(f"{family}_{way}") or WORLD["intent"].get(family)
    if (family in WORLD["intent"] and rng.random() < 0.1) or (
        f"{family}_{way}" in WORLD["intent"] and rng.random() < 0.05
    ):
        meant = Plan((Phase((Move(family, EITHER if family == "orbit" else way),)),))
        return Pair(around(fill(pick(rng, intent), way, rng), rng), meant)
    c = clause(family, way, rng)
    plan = Plan((Phase((c.move,), tempo=c.tempo),))
    if rng.random() < 0.1:
        return Pair(pick(rng, FRAMES["beside"]).format(s=scenery(rng), t=c.third), plan)
    request = sentence(c, rng)
    if rng.random() < 0.05:
        request += _refusal(family, rng)
    elif rng.random() < 0.07:
        request += pick(rng, [", ", " ", ", "]) + pick(rng, FRAMES["keeping"][family])
    return Pair(around(request, rng), plan)


def plain(rng: np.random.Generator) -> Pair:
    """One move in one short request, nothing around it."""
    c = clause(*pick(rng, _SAID).rsplit("_", 1), rng)
    return Pair(c.imperative if rng.random() < 0.7 else c.noun, Plan((Phase((c.move,), tempo=c.tempo),)))


def still(rng: np.random.Generator) -> Pair:
    """Stillness said outright, meant, or implied by a scene without a camera."""
    kind = rng.random()
    if kind < 0.25:
        words = scenery(rng)
    elif kind < 0.3:
        words = around(fill(pick(rng, WORLD["intent"]["static"]), "", rng), rng)
    else:
        words = around(fill(pick(rng, WORLD["still"]), "", rng), rng)
        if rng.random() < 0.2:
            words = pick(rng, ["please ", "just ", "I want ", "shot: ", "camera: "]) + words
    return Pair(words, Plan((Phase(()),)))


def _two(rng, together: bool) -> tuple[Clause, Clause]:
    """Two clauses of different moves; together, seldom of families that clash."""
    while True:
        a, b = (pick(rng, _SAID).rsplit("_", 1) for _ in range(2))
        same = a[0] == b[0] and (together or a[1] == b[1])
        if not same and not (together and {a[0], b[0]} in _CLASHES and rng.random() < 0.85):
            return _one_named(clause(*a, rng), clause(*b, rng))


def _one_named(a: Clause, b: Clause) -> tuple[Clause, Clause]:
    """Two clauses with marks in one of them."""
    families = [{c.move.family} for c in (a, b)]
    forms = {form: about_one([getattr(c, form) for c in (a, b)], families) for form in SPOKEN}
    return tuple(attrs.evolve(c, **{form: words[k] for form, words in forms.items()}) for k, c in enumerate((a, b)))


def at_once(rng: np.random.Generator) -> Pair:
    """Two moves together."""
    a, b = _two(rng, True)
    words = _both(pick(rng, FRAMES["at_once"]), a, b, rng)
    return Pair(around(words, rng), Plan((Phase((a.move, b.move), tempo=a.tempo),)))


def in_order(rng: np.random.Generator) -> Pair:
    """Two moves one after the other, sometimes with a pause between."""
    a, b = _two(rng, False)
    first, second = Phase((a.move,), tempo=a.tempo), Phase((b.move,), tempo=b.tempo)
    if rng.random() < 0.25:
        frame, phases = pick(rng, FRAMES["with_pause"]), (first, Phase((), PAUSE_SHARE), second)
    else:
        frame, phases = pick(rng, FRAMES["in_order"]), (first, second)
    return Pair(around(_both(frame, a, b, rng), rng), Plan(phases))


def _both(frame: str, a: Clause, b: Clause, rng) -> str:
    """Fill a frame of two clauses."""
    camera = pick(rng, ["the camera ", "camera ", "we see the camera as it "]) if frame.startswith("{at}") else ""
    words = {"a": article(a.noun), "b": article(b.noun)}
    for key, c in (("a", a), ("b", b)):
        words |= {f"{key}i": c.imperative, f"{key}g": c.gerund, f"{key}t": c.third, f"{key}n": c.noun}
    return camera + frame.format(**words)


def special(rng: np.random.Generator) -> Pair:
    """Dolly zoom, whip pan, spiral or handheld."""
    return pick(rng, [_vertigo, _whip, _handheld, _handheld, _spiral])(rng)


def _vertigo(rng) -> Pair:
    way, other = pick(rng, [("in", "out"), ("out", "in")])
    words = pick(rng, FRAMES["special"]["vertigo"]) if way == "in" else f"dolly {way} while zooming {other}"
    return Pair(around(fill(words, way, rng), rng), Plan((Phase((Move("dolly_zoom", way),)),)))


def _whip(rng) -> Pair:
    way = pick(rng, ["left", "right"])
    words = fill(pick(rng, FRAMES["special"]["whip"]), way, rng)
    return Pair(around(words, rng), Plan((Phase((Move("pan", way, size=1.5),), tempo="whip"),)))


def _spiral(rng) -> Pair:
    way, height = pick(rng, ["left", "right"]), pick(rng, ["up", "down"])
    words = pick(rng, FRAMES["special"]["spiral"]).replace("{h}", height)
    words = words.replace("rising", {"up": "rising", "down": "descending"}[height])
    plan = Plan((Phase((Move("orbit", way), Move("pedestal", height))),))
    return Pair(around(fill(words, way, rng), rng), plan)


def _handheld(rng) -> Pair:
    sway = pick(rng, FRAMES["special"]["handheld"])
    amount = HANDHELD[2 if "shak" in sway else 1]
    if rng.random() < 0.5:
        words = pick(rng, FRAMES["special"]["handheld_forms"]).format(sway)
        return Pair(around(words, rng), Plan((Phase(()),), amount))
    pair = single(rng)
    words = pick(rng, [f"{sway}, {pair.prompt}", f"{pair.prompt}, {sway}"])
    return Pair(words, attrs.evolve(pair.plan, handheld=amount))
