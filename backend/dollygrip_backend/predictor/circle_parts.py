"""Parts of a circle in a prompt, in degrees: turns, quarters, clock faces, right angles."""

import re
from collections.abc import Callable

from dollygrip_backend.predictor.numbers import AND_PARTS, MIXED, NUMBER, SHARE, WORDS, Rule, number, share

_CIRCLES = (
    r"(?:circles?|turns?|rotations?|revolutions?|orbits?|loops?|laps?|spins?|rolls?"
    r"|rounds?(?! (?:the|an?|it|him|her|them|this|that|these|those|his|my|our|its)\b))"
)
_TURN = rf"(?:(?:full|complete|whole|entire)[ -])?(?:{_CIRCLES}|arcs?|360)"
_ROUND = r"(?:(?:way|path|distance|journey)?[ -]*(?:a)?round)"
_NO_ANGLE = r"(?! *-?(?:\d|degree|deg|°|%|per ?cent|pct))"


def _turns(value: float) -> Callable[[re.Match], tuple[float, str]]:
    return lambda m: (360 * value, "degrees")


def _hours_between(one: float, other: float) -> float:
    """The shorter way from one to the other on the face of a clock."""
    hours = abs(one - other) % 12
    return min(hours, 12 - hours)


CIRCLE_PARTS: list[Rule] = [
    (
        rf"(?<!via )(?P<a>{NUMBER}) o'clock (?:\w+ )?to (?:our |my |his |her |its )?(?P<b>{NUMBER})(?: o'clock)?\b",
        lambda m: (30 * _hours_between(number(m["a"]), number(m["b"])), "degrees"),
    ),
    (
        rf"(?P<n>{MIXED}|(?:\d|{WORDS})(?:{'|'.join(AND_PARTS)}))[ -]+{_TURN}\b",
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
        r"turn(?:s|ing)? (?:all the way |right |clean |completely )?a?round"
        r"(?=\s*(?:$|[.,;:!]|(?:and|to (?:face|see|look|show))\b))",
        _turns(0.5),
    ),
    (r"(?:what|who)(?:'s| is|ever is) (?:right )?behind (?:us|me|you|the camera|our backs?)\b", _turns(0.5)),
    (r"look(?:s|ing)? (?:right |back )?behind (?:us|me|you|the camera|our backs?)\b", _turns(0.5)),
    (r"barrel roll\b", _turns(1)),
    (r"flip(?:s|ping)? (?:the|our|my) (?:camera|picture|image|frame|view)\b", _turns(0.5)),
    (
        r"(?:spin|whirl|twirl|rotate)(?:s|ning|ing)?(?: (?:all the way )?(?:a?round|about))?"
        rf" (?P<a>(?P<n>{NUMBER}) times|twice)\b",
        lambda m: (360 * (number(m["n"]) if m["n"] else 2), "degrees"),
    ),
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
