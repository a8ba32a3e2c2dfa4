"""What phrases say outright of a whole shot: that it goes past its aim, to and fro, back to where it began, or keeps a
thing in frame."""

import re

import attrs

from dollygrip_backend.predictor.plan import EITHER, FAMILIES, Plan

_PAST = re.compile(r"\b(?:past|beyond)\b", re.IGNORECASE)  # "pan right past the door" does not end at the door
_BACK = re.compile(
    r"(?:\band|\bthen|,|\bway|\bstraight) back\b(?! (?:away|off|up)\b)"
    r"|\bback (?:again|home|in|out|down|up|left|right)\b"
    r"|\bback to (?:where|the (?:start|beginning|first|original|cent(?:re|er)|middle|front))\b"
    r"|\b(?:com|swing|slid)(?:e|es|ing|s)? back\b(?! (?:away|off|up|from)\b)"
    r"|\breturn|\bundo|\bstraighten|\blevel(?:s|ing)? (?:it |us )?(?:out|off|up)\b"
    r"|\bwhere (?:it|we|you) (?:beg[ia]ns?|start(?:s|ed)?|was|were)\b",
    re.IGNORECASE,
)
_IN_FRAME = (
    r"(?:in (?:the )?(?:\w+ of (?:the )?)?(?:frame|shot|view|picture|middle|cent(?:re|er)|sight)|framed"
    r"|cent(?:re|er)(?:ed)?)\b"
)
_LOOKING = r"\b(?P<looking>look(?:s|ing)? (?:down |up |back )?at (?:her|him|it|them|the)\b)"
_KEPT = re.compile(
    rf"\b(?:keep|hold|stay|remain)(?:s|ing)?\b[^.;]{{1,40}}?\b{_IN_FRAME}|\b(?:stays?|remains?|staying) {_IN_FRAME}"
    r"|\b(?:keep|stay|remain)(?:s|ing)? (?:(?:looking|aimed|pointed|facing) at|(?:trained|locked|focus+ed) on)\b"
    r"|\b(?:locked|focus+(?:ed|ing)|trained|fixed) on\b|\bstay(?:s|ing)? on (?:her|him|it|them|the)\b"
    rf"|{_LOOKING}|\beyes? (?:fixed |locked )?on\b|\balways (?:facing|looking at|aim(?:ed|ing) at|pointing at)\b"
    r"(?! (?:the same|straight|forwards?|ahead|front|that way|the (?:front|camera)))",
    re.IGNORECASE,
)


_LEVEL = re.compile(
    r"\b(?:no|without(?: any)?|don't|never|not) (?:tilt|turn|pan)(?:s|ing)?\b|\bhorizon\b"
    r"|\b(?:staying|keep\w*) level\b",
    re.IGNORECASE,
)
_MOVING = (
    r"\b(?:pan|tilt|zoom|push|dolly|truck|track|move|slide|sweep|swing|nod|look|orbit|arc|rock|roll|sway|float|go|bob)\w*"
    r"(?: \w+){0,2}? "
)
# Words for there and back, with the families of the moves that go so.
_TO_AND_FRO = [
    (re.compile(_MOVING + words, re.IGNORECASE), families)
    for words, families in (
        (
            r"(?:left and (?:then )?right|right and (?:then )?left|(?:from )?side[ -]to[ -]side|to and fro)\b",
            ("pan", "truck", "orbit", "roll"),
        ),
        (r"(?:up and (?:then )?(?:back )?down|down and (?:then )?(?:back )?up)\b", ("tilt", "pedestal")),
        (
            r"(?:in and (?:then )?(?:back )?out|out and (?:then )?(?:back )?in|forwards? and backwards?)\b(?! of\b)",
            ("dolly", "zoom", "dolly_zoom"),
        ),
        (r"back[ -]and[ -]forth\b", tuple(FAMILIES)),
    )
]
_OFTEN = re.compile(
    r"\b(?:back[ -]and[ -]forth|side[ -]to[ -]side|to and fro|repeated\w*|again and again|twice|(?:two|2) times)\b",
    re.IGNORECASE,
)


def _to_and_fro(plan: Plan, prompt: str) -> Plan:
    """A plan of one move that goes to and fro goes back again, and does so once more where it is often."""
    if len(plan.phases) > 1 or len(plan.phases[0].moves) != 1:
        return plan
    [phase], [move] = plan.phases, plan.phases[0].moves
    if not any(words.search(prompt) and move.family in families for words, families in _TO_AND_FRO):
        return plan
    ways = FAMILIES[move.family]
    there = attrs.evolve(move, way=ways[0] if move.way == EITHER else move.way)
    back = attrs.evolve(move, way=ways[there.way == ways[0]], asked=None)
    both = tuple(attrs.evolve(phase, moves=(way,)) for way in (there, back))
    return attrs.evolve(plan, phases=both * (2 if _OFTEN.search(prompt) else 1), returns=True)


def phrased(plan: Plan, prompt: str) -> Plan:
    """The plan with what its prompt says of it as a whole."""
    plan, kept = _to_and_fro(plan, prompt), _KEPT.search(prompt)
    return attrs.evolve(
        plan,
        past=_PAST.search(prompt) is not None,
        returns=plan.returns or _BACK.search(prompt) is not None,
        # In a shot of several moves, to look at a thing is one of them.
        kept=kept is not None and not _LEVEL.search(prompt) and (kept["looking"] is None or len(plan.phases) == 1),
    )
