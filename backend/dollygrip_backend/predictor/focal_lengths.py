"""Focal lengths in a prompt: a change of one is a zoom's ratio, one alone is equipment."""

import re

from dollygrip_backend.predictor.numbers import LENGTH, NUMBER, WORDS, Rule, always, number


def _ratio(m: re.Match) -> tuple[float, str]:
    a, b = number(m["a"]), number(m["b"])
    return max(1.0, b) / max(1.0, a), "ratio"  # below one where the lens widens


def _millimetres(m: re.Match) -> tuple[float, str]:
    """A distance beside a way, or where hardly a lens is as long; else a focal length."""
    value = number(m["n"])
    far = value >= 1000 or value % 100 == 0
    return (value / 1000, "metres") if far or beside_a_way(m.string, *m.span()) else (1.0, "other")


def _reached(m: re.Match) -> tuple[float, str]:
    """The focal length that a lens goes to from whatever it has."""
    return number(m["a"]), "focal"


def beside_a_way(prompt: str, start: int, end: int) -> bool:
    """Whether a word for where something goes stands before or after the characters start..end."""
    return bool(_WAY_BEFORE.search(prompt[:start]) or _WAY_AFTER.match(prompt[end:]))


_FOCAL = rf"(?:\d+(?!\d)|(?>{WORDS}))"  # whole: "thirty-five" is no change from thirty to five
MM = r"\(?(?:mm|mils?|millimet(?:er|re)s?)\b"
_LENS = (
    r"(?=[ -]+(?:(?:prime|macro|tele(?:photo)?|long|wide(?:[ -]angle)?|anamorphic|zoom|vintage) )?"
    r"(?:lens(?:es)?|primes?|macro|tele(?:photo)?|anamorphic|glass|optics?|film)\b)"
)
_WAY_BEFORE = re.compile(
    r"\b(?:left|right|up|down|forwards?|back(?:wards?)?|sideways|closer|nearer|higher|lower|by) $", re.IGNORECASE
)
_WAY_AFTER = re.compile(
    r" (?:to the (?:left|right)|forwards?|backwards?|sideways|closer|nearer|higher|lower)\b"
    r"| (?:left|right|up|down|back|in|out)(?: *[.,;]| *$| (?:and|then)\b)",
    re.IGNORECASE,
)
_BEGIN = (
    r"(?:(?:at|on) the (?:start|beginning|outset|head|top|opening|first frame)"
    r"|at first|first|to (?:start|begin) with|now)"
)
_BECOMES = (
    r"(?:(?:that|which|lens) )?(?:becom(?:es?|ing)|until (?:it is|it's|we are|we're)(?: at| on)?"
    r"|(?:turn|chang|grow|shrink|widen|lengthen|tighten|open)\w*(?: up| out)? (?:in)?to)"
)
_WAY_TO = r"(?:(?:all the way|back|down|up|out|in) )?to"
_NO_LENS = rf"\b(?! ?(?:°|º|%|x\b|deg|degrees?\b|(?:{LENGTH})\b))"
LENSES: list[Rule] = [
    (
        r"(?P<a>\d+(?:\.\d+)?)\s*x?\b[^.,\d]{0,20}?(?:\bto\b|->|→)[^.,\d]{0,8}(?P<b>\d+(?:\.\d+)?)\s*x\b",
        lambda m: (float(m["b"]) / (float(m["a"]) or 1), "ratio"),
    ),
    (
        rf"(?P<a>{_FOCAL})\s*(?:{MM})?\s*(?:-|–|to|into|until|->|→|up to|down to)\s*(?:an? )?(?P<b>{_FOCAL})\s*{MM}",
        _ratio,
    ),
    (rf"(?P<a>{_FOCAL})\s*{MM}[^.]{{1,40}}?\bto\s(?P<b>{_FOCAL})\s*{MM}", _ratio),
    (rf"(?P<a>{_FOCAL}) {_WAY_TO} (?:an? )?(?P<b>{_FOCAL})\s*{MM}", _ratio),
    (rf"(?P<a>{_FOCAL})\s*{MM} {_WAY_TO} (?:an? )?(?P<b>\d{{2,3}}){_NO_LENS}", _ratio),
    (rf"(?P<a>{_FOCAL})(?:\s*{MM})? for (?:an? )?(?P<b>{_FOCAL})\s*{MM}", _ratio),
    (rf"(?P<a>{_FOCAL})[ -]*{MM} {_BECOMES} (?:an? )?(?P<b>{_FOCAL})(?:\s*{MM}|{_NO_LENS})", _ratio),
    (rf"(?P<a>{_FOCAL}) {_BECOMES} (?:an? )?(?P<b>{_FOCAL})\s*{MM}", _ratio),
    (rf"(?P<a>{_FOCAL})\s*{MM} {_BEGIN}\b[^.\d]{{1,40}}?(?P<b>{_FOCAL})\s*{MM}", _ratio),
    (
        r"\b(?:start|begin|open)\w*(?: out)? (?:on|at|with|from|in) [^.\d]{0,25}(?P<a>\d{2,3})(?:\s*mm)?\b"
        rf"(?! ?(?:°|º|%|x\b|deg))[^.\d]{{1,40}}(?P<b>\d{{2,3}})\s*{MM}",
        _ratio,
    ),
    (
        r"\b(?:zoom|lens|tighten|widen)\w*\b[^.,;\d]{0,25}(?<!set )\b(?:to|until) (?:an? |about |around )?"
        rf"(?P<a>{_FOCAL})[ -]*{MM}(?! (?:{_BEGIN}))",
        _reached,
    ),
    (rf"(?:{NUMBER})[ -]*{MM}{_LENS}", always(1.0, "other")),
    (rf"(?:on|through|using) (?:an?|the|my|our) (?P<a>{NUMBER})[ -]*{MM}", always(1.0, "other")),
    (rf"(?P<n>{NUMBER})[ -]*{MM}", _millimetres),
]
# Focal lengths without their unit, where the prompt speaks of a lens or a zoom.
BARE_LENSES: list[Rule] = [
    (rf"(?<![\w.])(?P<a>\d{{2,3}})\s*(?:{_WAY_TO}|->|→) ?(?:an? |its )?(?P<b>\d{{2,3}}){_NO_LENS}", _ratio),
    (
        rf"\b(?:on|at|with|from) (?:an?|the) (?P<a>\d{{2,3}}){_NO_LENS}[^.\d]{{1,40}}"
        rf"\b(?:end|finish|arrive|land|stop)\w*(?: up)? (?:on|at|with) (?:an?|the) (?P<b>\d{{2,3}}){_NO_LENS}",
        _ratio,
    ),
]
SPEAKS_OF_A_LENS = re.compile(r"\b(?:zoom\w*|lens\w*|focal)\b", re.IGNORECASE)
