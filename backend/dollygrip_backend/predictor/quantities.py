"""Quantities in a prompt: every number with its unit, in figures or in words, so that numbers mean numbers.

Reading "a quarter of the way around" as 90 degrees is arithmetic, not understanding: rules do it exactly. Which move a
quantity belongs to, or whether it speaks of the camera at all, is for the network to say.
"""

import re
from collections.abc import Callable

import attrs

from dollygrip_backend.predictor.focal_lengths import (
    BARE_LENSES,
    LENSES,
    MM,
    SPEAKS_OF_A_LENS,
    Rule,
    always,
    beside_a_way,
)
from dollygrip_backend.predictor.numbers import (
    AND_PARTS,
    DIGITS,
    LENGTH,
    NUMBER,
    PART,
    SHARE,
    TENS,
    WORDS,
    number,
    share,
)
from dollygrip_backend.predictor.plan import Amount

UNITS = ("none", "degrees", "metres", "ratio", "percent", "share", "other")

_METRES = {"c": 0.01, "k": 1000.0, "m": 1.0, "f": 0.3048, "'": 0.3048, "′": 0.3048, "i": 0.0254,
           "y": 0.9144, '"': 0.0254, "″": 0.0254}  # fmt: skip

_CIRCLES = (
    r"(?:circles?|turns?|rotations?|revolutions?|orbits?|loops?|laps?|spins?|rolls?"
    r"|rounds?(?! (?:the|an?|it|him|her|them|this|that|these|those|his|my|our|its)\b))"
)
_PERCENT = r"(?:%|(?:percent|per cent|pct)\b)"
_SIZE = r"(?:of )?(?:the|its|his|her|their) (?:[\w-]+ ){0,2}size"
_TURN = rf"(?:(?:full|complete|whole|entire)[ -])?(?:{_CIRCLES}|arcs?|360)"
_ROUND = r"(?:(?:way|path|distance|journey)?[ -]*(?:a)?round)"
_LEAST_ANGLE = 5  # a smaller number without a unit counts things: "orbit the three of them"
_DISTANCE = r"(?:way|distance|gap|space|path|stretch|separation|ground|what (?:separates|lies between|is between))"
_OF_NOW = r"(?:present|current|today's)"
_NO_MORE = r"(?=[.,;]|$| (?:with|by|on|through|using|via)\b)"  # after a share that is not one of something named
_AS_FAR_AS_IT_IS = (  # now: where it shall be as far in the end, that says how much remains
    r"as (?:far|much)(?: to the)?(?: (?:left|right|up|down|back))? as (?:[^.,;]{1,40}?(?: is| are|'s) "
    r"(?:(?:away )?from (?:us|me|here|the camera|the lens)|away|off)\b"
    r"|(?:we|it|he|she|they)(?: are| is|'re|'s) (?:(?:away|far|distant) )?from\b)(?! now)"
)
_LEFT_OVER = (
    r"(?: (?:to|from|between) [^.,;]{1,30}?)?"
    r" (?:(?:is|are|be|still) (?:still )?(?:what remains|left|to go)|to go"
    r"|(?:(?:should|must|may|shall|will|to) )?(?:be left|remain\w*))\b"
)


@attrs.frozen
class Quantity:
    """A value and its unit (of UNITS) at the characters start..end of a prompt.

    length: metres that one stands for where a bare number is a length: those of the unit said before ("20 cm down, 40
    right").
    """

    start: int
    end: int
    value: float
    unit: str
    length: float = 1.0

    def amount(self, family: str, way: str) -> Amount | None:
        """What it asks of a move of `family` and `way` (of `plan.FAMILIES`); None where it cannot be meant."""
        if self.value <= 0 or self.unit == "other":
            return None
        if family in ("pan", "tilt", "roll", "orbit"):
            angle = self.unit == "degrees" or (self.unit == "none" and self.value >= _LEAST_ANGLE)
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


def _turns(value: float) -> Callable[[re.Match], tuple[float, str]]:
    return lambda m: (360 * value, "degrees")


def _hours_between(one: float, other: float) -> float:
    """The shorter way from one to the other on the face of a clock."""
    hours = abs(one - other) % 12
    return min(hours, 12 - hours)


def _share_as_ratio(m: re.Match) -> tuple[float, str]:
    return share(m["s"]), "ratio"


def _one(m: re.Match) -> tuple[float, str]:
    return _METRES[m["u"][0].lower()], "metres"


def _said(unit: str) -> Callable[[re.Match], tuple[float, str]]:
    return lambda m: (number(m["n"]), unit)


_NO_ANGLE = r"(?! *-?(?:\d|degree|deg|°|%|per ?cent|pct))"
_CIRCLE_PARTS: list[Rule] = [
    (
        rf"(?<!via )(?P<a>{NUMBER}) o'clock (?:\w+ )?to (?:our |my |his |her |its )?(?P<b>{NUMBER})(?: o'clock)?\b",
        lambda m: (30 * _hours_between(number(m["a"]), number(m["b"])), "degrees"),
    ),
    (
        rf"(?P<n>(?:\d|{WORDS})(?:{'|'.join(AND_PARTS)}))[ -]+{_TURN}\b",
        lambda m: (360 * number(m["n"]), "degrees"),
    ),
    (rf"(?P<s>{SHARE})[ -]+(?:{_TURN}|{_ROUND})\b", lambda m: (360 * share(m["s"]), "degrees")),
    (
        r"half[ -]?(?:way)[ -]+(?:a?round)\b|demi-?(?:turn|tour|circle|lap)\b|semi-?circ(?:les?|ular)\b"
        r"|upside[ -]down\b|one[ -]eighty\b",
        _turns(0.5),
    ),
    (rf"180s?\b{_NO_ANGLE}", _turns(0.5)),
    (r"quarter[ -]?way (?:a?round)\b", _turns(0.25)),
    (rf"(?P<s>{SHARE})[ -]+right angle\b", lambda m: (90 * share(m["s"]), "degrees")),
    (
        rf"(?:(?P<n>{NUMBER})[ -]+right angles?|(?:an? )?right angle)\b",
        lambda m: (90 * (number(m["n"]) if m["n"] else 1), "degrees"),
    ),
    (r"about[- ](?:face|turn)\b", _turns(0.5)),
    (
        r"(?:an?|another|one) quarter\b"
        r"(?= (?:left|right|back|clockwise|counter|anti|to the(?! distance| gap)"
        r"|more(?! (?:of )?(?:distance|room|air|space))|again))",
        _turns(0.25),
    ),
    (r"(?<!and )(?:an?|the|another|the other) half (?=left|right|back|clockwise|counter|anti)", _turns(0.5)),
    (r"(?:once (?:complete|ful)ly|(?:complete|ful)ly once)\b", _turns(1)),
    (
        r"(?:all|(?<!orbit )(?<!arc )(?<!quarter )(?<!half )(?<!degrees )right"
        r"|completely|the whole way|the full way|once|fully|clear)(?: the way)?[ -]+a?round\b"
        r"(?! (?:to(?! the (?:left|right)\b(?! side| of))|at|and|left|right))",
        _turns(1),
    ),
    (rf"(?P<n>\d(?:\.\d+)?|{WORDS})[ -]+{_TURN}\b", lambda m: (360 * number(m["n"]), "degrees")),
    (
        rf"(?:an? |one )?(?:full|complete|whole|entire|single)[ -](?:[\w()-]+ ){{0,4}}?"
        rf"(?:360|{_CIRCLES}|yaw|tumble|ring)\b{_NO_ANGLE}"
        rf"|(?:an? |one )?(?:full|complete|whole|entire) (?:slow |fast )?(?:pan|orbit)\b{_NO_ANGLE}"
        rf"|(?:an? |one )?(?:full|complete|whole|entire|single)[ -]360\b{_NO_ANGLE}"
        rf"|\b360s?\b{_NO_ANGLE}|three[ -]sixty\b",
        _turns(1),
    ),
]
_LENGTHS_AND_A_HALF: list[Rule] = [
    (
        rf"(?:(?P<n>{NUMBER})|an?|another)[ -](?P<u>met(?:er|re)s?|f(?:ee|oo)t|yards?) and a half\b(?! of\b)",
        lambda m: (((number(m["n"]) if m["n"] else 1) + 0.5) * _METRES[m["u"][0].lower()], "metres"),
    ),
]
_SHARES: list[Rule] = [
    (rf"(?:only|just) (?P<s>{SHARE})[ -]+{_DISTANCE} left\b(?! of)", lambda m: (1 - share(m["s"]), "share")),
    (rf"(?P<s>{SHARE})[ -]+{_DISTANCE}{_LEFT_OVER}", lambda m: (1 - share(m["s"]), "share")),
    (
        rf"(?:leav(?:e|ing)|all but) (?:only |just )?(?:the last )?(?P<s>{SHARE})[ -]+{_DISTANCE}\b",
        lambda m: (1 - share(m["s"]), "share"),
    ),
    (
        rf"(?P<n>{NUMBER})\s*{_PERCENT} of (?:the|our|its) {_DISTANCE}{_LEFT_OVER}",
        lambda m: (1 - number(m["n"]) / 100, "share"),
    ),
    (
        rf"at (?P<n>{NUMBER})\s*{_PERCENT} of (?:the|our) (?:{_OF_NOW} {_DISTANCE}|{_DISTANCE} [^.,;]{{0,20}}\bnow)\b",
        lambda m: (abs(1 - number(m["n"]) / 100), "share"),
    ),
    (
        rf"at (?=[^.,;]{{0,30}}\b{_OF_NOW} )(?P<s>{SHARE})[ -]+(?:today's )?{_DISTANCE}\b",
        lambda m: (1 - share(m["s"]), "share"),
    ),
    (
        rf"(?:distance|gap)\b[^.,;]{{0,40}}? (?:to|is|becomes?) (?P<s>{SHARE})(?:{_NO_MORE}| (?:what|now|today)\b)",
        lambda m: (1 - share(m["s"]), "share"),
    ),
    (
        rf"(?:distance|gap)\b[^.,;\d]{{0,40}}? to (?P<n>{NUMBER})\s*{_PERCENT}",
        lambda m: (abs(1 - number(m["n"]) / 100), "share"),
    ),
    (
        rf"\b(?:zoom|magnif|enlarg|blow|scal|grow)\w*[^.,;\d]{{0,25}}? to (?P<n>{NUMBER})\s*{_PERCENT}",
        lambda m: (number(m["n"]) / 100, "ratio"),
    ),
    (rf"(?P<s>{SHARE}) (?:on)?to (?:the|our) (?:distance|gap)\b", lambda m: (share(m["s"]), "share")),
    (rf"(?:focal length|magnification)\b[^.,;]{{0,20}}? to (?P<s>{SHARE})\b", _share_as_ratio),
    (r"(?:focal length|magnification)\b[^.,;]{0,20}? (?:halved|in half)\b", always(0.5, "ratio")),
    (
        r"(?:fov|(?:field|angle) of view|view angle)\b[^.,;]{0,20}? halved\b"
        r"|hal(?:f|ve|ving) (?:the |its |our )?(?:fov|(?:field|angle) of view|view angle)\b",
        always(2.0, "ratio"),
    ),
    (rf"(?P<s>{SHARE})[ -]+{_DISTANCE} (?:away|off)\b", lambda m: (1 - share(m["s"]), "share")),
    (
        rf"(?P<s>{SHARE})[ -]+(?:(?:more|off|extra) (?:of )?(?:the |our )?)?{_DISTANCE}\b",
        lambda m: (share(m["s"]), "share"),
    ),
    (
        rf"by (?:(?P<n>{NUMBER}) times|twice) the {_DISTANCE}\b",
        lambda m: (number(m["n"]) if m["n"] else 2, "share"),
    ),
    (rf"by (?:the|all of the) (?:whole|full|entire) {_DISTANCE}\b", always(1.0, "share")),
    (rf"(?:(?P<s>{SHARE})[ -]+)?{_AS_FAR_AS_IT_IS}", lambda m: (share(m["s"]) if m["s"] else 1, "share")),
    (
        rf"(?:distance|gap)\b[^.,;\d]{{0,20}}? (?:becomes?|is|to|be) (?P<n>{NUMBER})(?: times)? (?:of|what|that) ",
        lambda m: (abs(1 - number(m["n"])), "share"),
    ),
    (rf"(?P<s>{SHARE})[ -]+as (?:far|distant)\b(?! again)", lambda m: (1 - share(m["s"]), "share")),
    (rf"(?P<s>{SHARE})[ -]+more (?:room|air)\b", lambda m: (share(m["s"]), "share")),
    (
        rf"(?P<s>{SHARE})[ -]+(?:as \w+ (?:distance )?again|again as (?:far|big|large|tall|wide))\b",
        lambda m: (share(m["s"]), "share"),
    ),
    (r"as (?:far|much distance) again\b", always(1.0, "share")),
    (
        r"(?:distance|gap|space|stretch|separation)\b[^.,;]{0,50}? in (?:half|two)\b|half of the ground\b|mid-?point\b",
        always(0.5, "share"),
    ),
    (r"halv(?:e|es|ing) (?:the |its )?(?:magnification|focal length|zoom)\b", always(0.5, "ratio")),
    (
        r"half (?:(?:as|so) (?:big|large|tall|wide|high)|size"
        r"|(?:its|the) (?:\w+ )?(?:size|magnification|focal length))\b",
        always(2.0, "ratio"),
    ),
    (
        rf"(?:half an?|(?<!and )(?<!and a )(?P<s>{SHARE}))[ -]+(?P<u>met(?:er|re)|foot|yard|inch)\b",
        lambda m: (share(m["s"] or "half") * _METRES[m["u"][0].lower()], "metres"),
    ),
    (rf"(?P<n>{NUMBER})\s*{_PERCENT} {_SIZE}", lambda m: (number(m["n"]) / 100, "ratio")),
    (
        rf"(?P<s>{SHARE})[ -]+(?:as (?:big|large|tall|wide|high)|{_SIZE}|magnification|size|focal length)\b",
        _share_as_ratio,
    ),
    (r"half[ -]?ways?\b|half as close|mid[ -]?way\b", always(0.5, "share")),
    (
        rf"(?P<s>{SHARE})[ -]+(?:closer|nearer|further|farther|larger|bigger|taller|wider)\b",
        lambda m: (share(m["s"]), "share"),
    ),
    (rf"(?P<s>{SHARE})[ -]+smaller\b", lambda m: (1 - share(m["s"]), "ratio")),
    (
        rf"\b(?:shr[iau]nk\w*|reduc\w*|scal\w*|zoom\w* (?:out|back))[^.,;\d]{{0,25}}? to (?P<s>{SHARE})"
        rf"(?:{_NO_MORE}| (?:height|width)\b)",
        _share_as_ratio,
    ),
    (
        rf"\b(?:crop|narrow|tighten|zoom)\w*[^.,;\d]{{0,25}}? to (?P<s>{SHARE})[ -]+(?:frame|width|field|view)\b",
        _share_as_ratio,
    ),
    (r"(?:twice|two times) (?:as )?(?:close|near)\w*", always(2.0, "ratio")),
    (r"(?:twice|two times) (?:as )?(?:far|distant)\b", always(1.0, "share")),
    (r"halv(?:ed?|ing)\b|(?:zoom|lens|optics?|that|it) halves\b", always(2.0, "ratio")),
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
    (rf"\bto (?P<n>1\d\d|[2-9]\d\d)\s*{_PERCENT}", lambda m: (number(m["n"]) / 100, "ratio")),
    (rf"(?P<n>{NUMBER})\s*{_PERCENT}", _said("percent")),
    (rf"by (?P<s>{SHARE})\b", lambda m: (share(m["s"]), "share")),
    (
        rf"(?:an?|(?P<m>{NUMBER})) met(?:er|re)s? (?P<n>(?:{TENS})(?:[ -]five)?)\b",
        lambda m: ((number(m["m"]) if m["m"] else 1) + number(m["n"]) / 100, "metres"),
    ),
    (
        rf"(?P<f>{NUMBER})\s*(?:f(?:ee|oo)t|ft|'|′)\s*(?:and )?(?P<n>{NUMBER})\s*(?:inch(?:es)?\b|in\b|\"|″)",
        lambda m: (number(m["f"]) * _METRES["f"] + number(m["n"]) * _METRES["i"], "metres"),
    ),
    (
        r"(?:\b(?:an?|another|one|one and a half) (?:(?:single|full|whole|further|more) )?|\b(?=\w+ and a half))"
        r"(?P<u>met(?:er|re)|foot|yard)(?P<h> and a half)?\b",
        lambda m: (_METRES[m["u"][0].lower()] * (1.5 if m["h"] or " half " in m[0].lower() else 1), "metres"),
    ),
    (
        rf"(?P<n>{NUMBER})\s*-?\s*(?P<u>{LENGTH}|[\"″]{_A_WAY})(?![\w])",
        lambda m: (number(m["n"]) * _METRES[m["u"][0].lower()], "metres"),
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
    (r"\b(?:1[5-9]|20)\d\ds?\b", lambda m: (float(re.match(r"\d+", m[0])[0]), "other")),
    (rf"(?:{NUMBER})\b", lambda m: (number(m[0]), "none")),
]
_COMPILED, _COMPILED_BARE = (
    [(re.compile(rf"(?<![\w.])(?:{pattern})", re.IGNORECASE), meaning) for pattern, meaning in rules]
    for rules in (LENSES + _CIRCLE_PARTS + _LENGTHS_AND_A_HALF + _SHARES + _UNITS_SAID + _OTHERS, BARE_LENSES)
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
            length = _METRES[unit[0][0].lower()]
        elif unit and beside_a_way(prompt, quantity.start, quantity.end):  # what stands alone may be a lens after all
            length = 0.001
        known.append(attrs.evolve(quantity, length=length) if quantity.unit == "none" else quantity)
    return known
