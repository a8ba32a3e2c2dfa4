"""Quantities in a prompt: every number with its unit, in figures or in words, so that numbers mean numbers.

Reading "a quarter of the way around" as 90 degrees is arithmetic, not understanding: rules do it exactly. Which move a
quantity belongs to, or whether it speaks of the camera at all, is for the network to say.
"""

import re
from collections.abc import Callable

import attrs

from dollygrip_backend.predictor.circle_parts import CIRCLE_PARTS
from dollygrip_backend.predictor.focal_lengths import BARE_LENSES, LENSES, MM, SPEAKS_OF_A_LENS, beside_a_way
from dollygrip_backend.predictor.numbers import (
    DIGITS,
    LENGTH,
    METRES,
    NUMBER,
    PART,
    PERCENT,
    SHARE,
    TENS,
    Rule,
    always,
    number,
    share,
)
from dollygrip_backend.predictor.plan import Amount
from dollygrip_backend.predictor.shares import SHARES
from dollygrip_backend.predictor.size_words import SIZE_WORDS

UNITS = ("none", "degrees", "metres", "ratio", "percent", "share", "other", "size")

_LAPS = (2, 3, 4)
_LEAST_ANGLE = 5  # a smaller number without a unit counts things: "orbit the three of them"


@attrs.frozen
class Quantity:
    """A value and its unit (of UNITS) at the characters start..end of a prompt.

    length: metres that one stands for where a bare number is a length: those of the unit said before ("20 cm down, 40
    right"); focal: millimetres that a lens goes to, whose ratio depends on those it has ("zoom to 85 mm").
    """

    start: int
    end: int
    value: float
    unit: str
    length: float = 1.0
    focal: float | None = None

    def amount(self, family: str, way: str) -> Amount | None:
        """What it asks of a move of `family` and `way` (of `plan.FAMILIES`); None where it cannot be meant."""
        if self.value <= 0 or self.unit == "other":
            return None
        if self.focal:
            return Amount(self.focal, "millimetres") if family == "zoom" else None
        if family in ("pan", "tilt", "roll", "orbit"):
            angle = self.unit == "degrees" or (self.unit == "none" and self.value >= _LEAST_ANGLE)
            if self.unit == "ratio" and self.value in _LAPS and family != "tilt":  # "circle it twice"
                return Amount(360 * self.value, "degrees")
            return Amount(self.value, "degrees") if angle and self.value <= 1440 else None
        if family == "zoom":
            ratio = {"ratio": self.value, "none": self.value, "percent": 1 + self.value / 100, "share": 1 + self.value}
            value = ratio.get(self.unit, 0.0)
            value = 1 / value if 0 < value < 1 else value
            return Amount(value, "ratio") if 1 < value <= 20 else None
        if self.unit == "ratio" and family in ("dolly", "dolly_zoom"):  # "twice as close" is half of the way …
            ratio = 1 / self.value if way == "out" and self.value < 1 else self.value  # "three times smaller"
            away = ratio - 1 if way == "out" else 1 - 1 / ratio  # … "twice the distance" all of it again
            return Amount(away, "share") if ratio > 1 else None
        if self.unit == "ratio" and family in ("truck", "pedestal"):  # "twice the distance to the tree"
            return Amount(self.value, "share")
        if self.unit in ("share", "percent"):
            return Amount(self.value / (100 if self.unit == "percent" else 1), "share")
        return Amount(self.value * self.length, "metres") if self.unit in ("none", "metres") else None


def _one(m: re.Match) -> tuple[float, str]:
    return METRES[m["u"][0].lower()], "metres"


def _said(unit: str) -> Callable[[re.Match], tuple[float, str]]:
    return lambda m: (number(m["n"]), unit)


_LENGTHS_AND_A_HALF: list[Rule] = [
    (
        rf"(?:(?P<n>{NUMBER})|an?|another)[ -](?P<u>met(?:er|re)s?|f(?:ee|oo)t|yards?) and a half\b(?! of\b)",
        lambda m: (((number(m["n"]) if m["n"] else 1) + 0.5) * METRES[m["u"][0].lower()], "metres"),
    ),
]
_DEGREES = r"(?:°|degrees?\b|degress?\b|degs?\b|d\b|º|gra(?:d|de|do|us)s?\b)"
_A_WAY = r"(?= (?:up|down|left|right|closer|nearer|higher|lower|forward|back|to the)\b)"
_UNITS_SAID: list[Rule] = [
    (
        rf"(?P<n>{NUMBER})\s*-?\s*{_DEGREES} (?:an?|per|each|every) (?P<per>frame|second)s? (?:for|over|during) "
        rf"(?P<count>{NUMBER}) (?P=per)s?\b",
        lambda m: (number(m["n"]) * number(m["count"]), "degrees"),
    ),
    (rf"(?P<n>{NUMBER})\s*-?\s*{_DEGREES}", _said("degrees")),
    (rf"(?:x|×)\s?(?P<n>{DIGITS})(?![\w.])", _said("ratio")),
    (
        rf"(?:(?P<n>{NUMBER})\s*-?\s*(?:x|×|times|fold)|twice) (?:smaller|less (?:large|big))\b",
        lambda m: (1 / (number(m["n"]) or 1) if m["n"] else 0.5, "ratio"),
    ),
    (rf"(?P<n>{NUMBER})\s*-?\s*(?:x|×|times|fold)\b", _said("ratio")),
    (rf"factor (?:of )?(?P<n>{NUMBER})", _said("ratio")),
    (r"\b(?:doubl(?:e|es|ed|ing)|duplicat(?:e|es|ed|ing)|twice|twofold)\b", always(2.0, "ratio")),
    (r"\b(?:(?:tripl|trebl)(?:e|es|ed|ing)|thrice|threefold)\b", always(3.0, "ratio")),
    (r"\b(?:quadrupl(?:e|es|ed|ing)|fourfold)\b", always(4.0, "ratio")),
    (rf"\bto (?P<n>1\d\d|[2-9]\d\d)\s*{PERCENT}", lambda m: (number(m["n"]) / 100, "ratio")),
    (rf"(?P<n>{NUMBER})\s*{PERCENT}", _said("percent")),
    (rf"by (?P<s>{SHARE})\b", lambda m: (share(m["s"]), "share")),
    (
        rf"(?:an?|(?P<m>{NUMBER})) met(?:er|re)s? (?P<n>(?:{TENS})(?:[ -]five)?)\b",
        lambda m: ((number(m["m"]) if m["m"] else 1) + number(m["n"]) / 100, "metres"),
    ),
    (
        rf"(?P<f>{NUMBER})\s*(?:f(?:ee|oo)t|ft|'|′)\s*(?:and )?(?P<n>{NUMBER})\s*(?:inch(?:es)?\b|in\b|\"|″)",
        lambda m: (number(m["f"]) * METRES["f"] + number(m["n"]) * METRES["i"], "metres"),
    ),
    (
        r"(?:\b(?:an?|another|one|one and a half) (?:(?:single|full|whole|further|more) )?|\b(?=\w+ and a half))"
        r"(?P<u>met(?:er|re)|foot|yard)(?P<h> and a half)?\b",
        lambda m: (METRES[m["u"][0].lower()] * (1.5 if m["h"] or " half " in m[0].lower() else 1), "metres"),
    ),
    (
        rf"(?P<n>{NUMBER})\s*-?\s*(?P<u>{LENGTH}|[\"″]{_A_WAY})(?![\w])",
        lambda m: (number(m["n"]) * METRES[m["u"][0].lower()], "metres"),
    ),
    (r"(?P<u>met(?:er|re)|yard)(?= (?:to the )?(?:left|right|up|down|back|forward)\b)", _one),
]
# Numbers that never speak of an amount: times, resolutions, years, counts of frames.
_TIMES = (
    r"s|secs?|seconds?|minutes?|mins?|hours?|frames?|fps|k|p|pm|am|o'clock|years?|days?|th|st|nd|rd|stor(?:y|ies|eys?)"
)
_OTHERS: list[Rule] = [
    (rf"(?P<s>{NUMBER}[ -]+{PART}s)\b(?! of an? (?:hour|minute|second))", lambda m: (share(m["s"]), "share")),
    (rf"(?P<n>{NUMBER})[ -]*(?:{_TIMES})\b", _said("other")),
    (rf"frames? (?P<n>{NUMBER})\b", _said("other")),
    (r"\b(?:1[5-9]|20)\d\ds?\b", lambda m: (float(re.match(r"\d+", m[0])[0]), "other")),
    (rf"(?:{NUMBER})\b", lambda m: (number(m[0]), "none")),
]
_MOVES = r"(?:zoom|push|pan|tilt|step|punch|nudge|whip|pull|jump|dolly|dollie|move|nod|bounce)e?s"
_MOVE = r"(?:pan|tilt|push|pull|dolly|truck|nod|look|whip|crane)\w*"
# How often a move is made is no amount of it: "three quick zooms", "pan left two times".
_REPEATS: list[Rule] = [
    (
        rf"{NUMBER}(?: (?:quick|fast|rapid|slow|gentle|small|short|little|tiny|big|sharp|more|successive))* {_MOVES}\b",
        always(1.0, "other"),
    ),
    (
        rf"{_MOVE}(?: (?:in|out|left|right|up|down|back|forward))? (?P<a>(?:{NUMBER}) times|twice|thrice)\b"
        r"(?! (?:as|the|closer|nearer|farther|further|bigger|larger|smaller|a?round)\b)",
        always(1.0, "other"),
    ),
    (r"double (?=(?:push|pan|zoom|tap|punch)\b)", always(1.0, "other")),
]
_COMPILED, _COMPILED_BARE = (
    [(re.compile(rf"(?<![\w.])(?:{pattern})", re.IGNORECASE), meaning) for pattern, meaning in rules]
    for rules in (
        _REPEATS + LENSES + CIRCLE_PARTS + _LENGTHS_AND_A_HALF + SHARES + _UNITS_SAID + SIZE_WORDS + _OTHERS,
        BARE_LENSES,
    )
)


def read_quantities(prompt: str) -> list[Quantity]:
    """Every quantity in `prompt`, in its order, none overlapping another."""
    found: list[Quantity] = []
    taken = [False] * len(prompt)
    lenses = _COMPILED_BARE if SPEAKS_OF_A_LENS.search(prompt) else []
    for pattern, meaning in lenses + _COMPILED:
        for match in pattern.finditer(prompt):
            start, end = match.start("a" if "a" in match.groupdict() else 0), match.end()
            if any(taken[start:end]):
                continue
            taken[start:end] = [True] * (end - start)
            value, unit = meaning(match)
            if unit == "focal":  # to the reader a ratio like any other
                found.append(Quantity(start, end, 2.0, "ratio", focal=value))
            else:
                found.append(Quantity(start, end, float(value), unit))
    return _in_the_unit_before(prompt, _said_again(prompt, sorted(found, key=lambda q: q.start)))


_AGAIN = re.compile(
    r"\bthe same (?:amount|angle|distance|measure|number of \w+)\b|\b(?:as|that) much (?:back|again)\b"
    r"|\b(?:by )?the same (?:again|back)\b|\bas far back\b",
    re.IGNORECASE,
)


def _said_again(prompt: str, found: list[Quantity]) -> list[Quantity]:
    """With what "the same amount" means: the amount before it."""
    for match in _AGAIN.finditer(prompt):
        before = [q for q in found if q.end <= match.start() and q.unit != "other"]
        if before and not any(q.start < match.end() and q.end > match.start() for q in found):
            found = [*found, attrs.evolve(before[-1], start=match.start(), end=match.end())]
    return sorted(found, key=lambda q: q.start)


def _in_the_unit_before(prompt: str, found: list[Quantity]) -> list[Quantity]:
    """Bare numbers with the length unit that was said last before them."""
    length, known = 1.0, []
    for quantity in found:
        said = prompt[quantity.start : quantity.end] if quantity.unit == "metres" else ""
        unit = re.search(rf"(?:(?P<mm>{MM})|{LENGTH})$", said, re.IGNORECASE)
        if unit and not unit["mm"]:
            length = METRES[unit[0][0].lower()]
        elif unit and beside_a_way(prompt, quantity.start, quantity.end):  # what stands alone may be a lens after all
            length = 0.001
        known.append(attrs.evolve(quantity, length=length) if quantity.unit == "none" else quantity)
    return known
