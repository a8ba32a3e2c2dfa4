"""What phrases say outright of a whole shot: that it goes past its aim, comes back to where it began, or keeps a thing
in frame."""

import re

import attrs

from dollygrip_backend.predictor.plan import Plan

_PAST = re.compile(r"\b(?:past|beyond)\b", re.IGNORECASE)  # "pan right past the door" does not end at the door
_BACK = re.compile(
    r"(?:\band|\bthen|,|\bway|\bstraight) back\b(?! (?:away|off|up)\b)"
    r"|\bback (?:again|home|in|out|down|up|left|right)\b"
    r"|\bback to (?:where|the (?:start|beginning|first|original|cent(?:re|er)|middle|front))\b"
    r"|\breturn|\bundo|\bstraighten|\blevel(?:s|ing)? (?:it |us )?(?:out|off|up)\b"
    r"|\bwhere (?:it|we|you) (?:beg[ia]ns?|start(?:s|ed)?|was|were)\b",
    re.IGNORECASE,
)
_IN_FRAME = (
    r"(?:in (?:the )?(?:\w+ of (?:the )?)?(?:frame|shot|view|picture|middle|cent(?:re|er)|sight)|framed"
    r"|cent(?:re|er)(?:ed)?)\b"
)
_KEPT = re.compile(
    rf"\b(?:keep|hold|stay|remain)(?:s|ing)?\b[^.;]{{1,40}}?\b{_IN_FRAME}|\b(?:stays?|remains?|staying) {_IN_FRAME}"
    r"|\beyes? (?:fixed |locked )?on\b|\balways (?:facing|looking at|aim(?:ed|ing) at|pointing at)\b"
    r"(?! (?:the same|straight|forwards?|ahead|front|that way|the (?:front|camera)))",
    re.IGNORECASE,
)


def phrased(plan: Plan, prompt: str) -> Plan:
    """The plan with what its prompt says of it as a whole."""
    return attrs.evolve(
        plan,
        past=_PAST.search(prompt) is not None,
        returns=_BACK.search(prompt) is not None,
        kept=_KEPT.search(prompt) is not None,
    )
