"""One move in words: phrases filled in, verbs inflected, amounts and tempo put in their places."""

import re

import attrs
import numpy as np

from dollygrip_backend.data.grammar.words import FRAMES, MOVES, WORLD, entries
from dollygrip_backend.predictor.plan import EITHER, Amount, Move

_DOUBLED = {
    "pan",
    "tip",
    "drop",
    "step",
    "dip",
    "spin",
    "get",
    "slip",
    "jib",
    "sit",
    "cut",
    "put",
    "nod",
    "squat",
    "scan",
}
_NUMBERS = FRAMES["quantities"]
_NUMBER_WORDS = {int(number): word for number, word in FRAMES["number_words"].items()}


def pick(rng: np.random.Generator, options):
    """One of `options`, all alike likely."""
    return options[int(rng.integers(len(options)))]


def third(verb: str) -> str:
    """ "pan" -> "pans", "go" -> "goes", "carry" -> "carries"."""
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return verb + "es"
    return verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "s"


def gerund(verb: str) -> str:
    """ "pan" -> "panning", "move" -> "moving", "tilt" -> "tilting"."""
    if verb in _DOUBLED:
        return verb + verb[-1] + "ing"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    return verb + "ing"


def article(noun: str) -> str:
    """ "a" or "an"."""
    return "an" if noun[0] in "aeiou" else "a"


def thing(rng: np.random.Generator) -> str:
    """A noun phrase for a subject: "the old lighthouse", "her", "a smiling violinist"."""
    if rng.random() < 0.12:
        return pick(rng, WORLD["pronouns"])
    determiner = pick(rng, ["the", "the", "the", "the", "this", "our", "a"])
    adjective = pick(rng, WORLD["adjectives"]) + " " if rng.random() < 0.35 else ""
    words = f"{adjective}{pick(rng, WORLD['nouns'])}"
    return f"{article(words) if determiner == 'a' else determiner} {words}"


def clock_words(way: str) -> list[str]:
    """Ways to say a sense of rotation that do not speak of left and right."""
    return [words for words in MOVES["sides"].get(way, [way]) if "to the" not in words]


def fill(template: str, way: str, rng: np.random.Generator) -> str:
    """Replace the placeholders of `moves.toml` for a move towards `way`; what it is about is marked."""
    facing = {"up": ("above", "below"), "down": ("below", "above")}.get(way)
    turning = {"left": "clockwise", "right": "counterclockwise"}.get(way, way)  # of an orbit, seen from above
    for key, options in (
        ("{d}", MOVES["sides"].get(way, [way])),
        ("{n}", [way]),
        ("{o}", [MOVES["opposite"].get(way, way)]),
        ("{c}", clock_words(turning)),
        ("{x}", facing and MOVES[facing[0]]),
        ("{y}", facing and MOVES[facing[1]]),
        ("{p}", WORLD["places"]),
    ):
        if key in template:
            unsure = "⟨⟩" if key == "{p}" and "{s}" not in template else ""  # a place to be in, or to be seen
            template = template.replace(key, pick(rng, options) + unsure)
    if "toward " in template and rng.random() < 0.45:
        template = template.replace("toward ", "towards ")
    return template.replace("{s}", f"{{{thing(rng)}}}") if "{s}" in template else template


@attrs.frozen
class Quantity:
    """How much, in words, and what that means: `after` a verb, `before` a noun; the rest as in `Move`."""

    after: str = ""
    before: str = ""
    asked: Amount | None = None
    size: float = 1.0


def _degrees(family: str, rng) -> Quantity:
    top = {"tilt": 80, "roll": 180, "pan": 200, "orbit": 360}[family]
    if family in ("orbit", "pan", "roll") and rng.random() < 0.2:
        words, value = pick(rng, _NUMBERS["turns"])
        return Quantity(words, words.split(" ", 1)[1] if words.startswith("a ") else "", Amount(value, "degrees"))
    if rng.random() < 0.7:
        value = pick(rng, [v for v in _NUMBERS["degrees"] if v <= top])
    else:
        value = int(rng.integers(4, top + 1))
    number = _NUMBER_WORDS[value] if value in _NUMBER_WORDS and rng.random() < 0.3 else str(value)
    unit = pick(rng, _NUMBERS["degree_units"])
    text = f"{number}{unit}" if unit == "°" and number.isdigit() else f"{number} {unit if unit != '°' else 'degrees'}"
    before = pick(
        rng, [f"{number}-degree", f"{number} degree", f"{number}°" if number.isdigit() else f"{number}-degree"]
    )
    return Quantity(pick(rng, ["", "by ", "about ", "exactly ", "through "]) + text, before, Amount(value, "degrees"))


def _zoom_amount(way: str, rng) -> Quantity:
    if rng.random() < 0.2:
        lens = _NUMBERS["lenses"]
        low = int(rng.integers(len(lens) - 1))
        high = int(rng.integers(low + 1, min(low + 5, len(lens))))
        a, b = (lens[low], lens[high]) if way == "in" else (lens[high], lens[low])
        words = pick(rng, _NUMBERS["lens_forms"]).format(a=a, b=b)
        return Quantity(words, f"{a}mm to {b}mm", Amount(lens[high] / lens[low], "ratio"))
    words, value = pick(rng, _NUMBERS["zooms"])
    return Quantity(words, words if words[0].isdigit() else "", Amount(value, "ratio"))


def quantity(family: str, way: str, rng: np.random.Generator) -> Quantity:
    """Draw how the amount is said: mostly not at all, else in a word or in numbers."""
    kind = rng.random()
    if kind < 0.62:
        return Quantity()
    if kind < 0.78:
        after, size = pick(rng, WORLD["sizes"])
        before, factor = pick(rng, WORLD["size_adjectives"])
        return Quantity(after=after, size=size) if rng.random() < 0.6 else Quantity(before=before, size=factor)
    if family in ("pan", "tilt", "roll", "orbit"):
        return _degrees(family, rng)
    if family == "zoom":
        return _zoom_amount(way, rng)
    if family == "dolly" and way == "in" and rng.random() < 0.3:
        return Quantity(pick(rng, _NUMBERS["halfway"]), "", Amount(0.5, "share"))
    if rng.random() < 0.5:
        value = float(pick(rng, _NUMBERS["metres"]))
        unit = pick(rng, _NUMBERS["metre_units"])
        text = f"{value:g}{unit}" if unit == "m" and rng.random() < 0.5 else f"{value:g} {unit}"
        return Quantity(pick(rng, ["", "by ", "about "]) + text, f"{value:g}-meter", Amount(value, "metres"))
    return Quantity()


@attrs.frozen
class Clause:
    """One move in words, in the forms that a sentence may need."""

    imperative: str
    gerund: str
    third: str
    noun: str
    move: Move
    tempo: str


SPOKEN = ("imperative", "gerund", "third", "noun")


def clause(family: str, way: str, rng: np.random.Generator) -> Clause:
    """Draw words, amount and tempo for the move `family`_`way`."""
    verbs, nouns = entries(family, way)
    q = quantity(family, way, rng)
    tempo = pick(rng, ["slow", "slow", "fast", "plain", "constant", "", "", "", "", ""])
    entry = fill(pick(rng, verbs), way, rng)
    if family == "orbit":
        entry = _by_the_clock(entry, way, rng)
    verb, rest = entry.split("|")
    transitive, verb = verb.endswith("*"), verb.rstrip("*")
    adverb = pick(rng, WORLD["tempo"][tempo]) if tempo else ""
    place = rng.integers(3)
    first = adverb if place == 0 and " " not in adverb else ""
    amount_first = q.after and rng.random() < 0.35 and not q.after.startswith(("by", "about"))
    tail = [q.after, rest] if amount_first else [rest, q.after]
    if place == 1:
        tail.insert(0, adverb)
    elif not first:
        tail.append(adverb)
    what = pick(rng, FRAMES["objects"]) if transitive and rng.random() < 0.45 else ""
    pace = pick(rng, WORLD["tempo_adjectives"][tempo]) if tempo else ""
    noun = fill(pick(rng, nouns), way, rng)
    if family == "orbit":
        noun = _by_the_clock(noun, way, rng)
    return Clause(
        imperative=_join(first, verb, what, *tail),
        gerund=_join(first, gerund(verb), what, *tail),
        third=_join(first, third(verb), *tail),
        noun=_join(pace, q.before, noun, "" if q.before else q.after),
        move=Move(family, way, q.asked, q.size),
        tempo=tempo or "plain",
    )


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _by_the_clock(words: str, way: str, rng) -> str:
    """Say about half of the orbits by the clock, as seen from above: travelling left is clockwise."""
    if way != EITHER and rng.random() < 0.45:
        clock = pick(rng, clock_words("clockwise" if way == "left" else "counterclockwise"))
        for side in sorted(MOVES["sides"][way], key=len, reverse=True):
            pattern = rf"\b{re.escape(side)}\b"
            if re.search(pattern, words):
                return re.sub(pattern, clock, words, count=1)
    return words
