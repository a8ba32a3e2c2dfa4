"""Things that moves of one shot go to, each its own: "pan left to the window, then pan right to the door".

The reader points at one thing of a prompt, which is enough for most. Where several moves turn to something, each part
of the prompt is read by itself, and the turn that it asks for ends on what it names.
"""

import re
from collections.abc import Sequence

import attrs

from dollygrip_backend.predictor.grounding import Found
from dollygrip_backend.predictor.plan import EITHER, Move, Phase, Plan

_BORDER = re.compile(
    r"\s*[.;:,]+\s+(?:(?:and|but|so) )?(?:(?:then|next|finally|after that|afterwards)\b,?)?\s*"
    r"|\s+(?:and )?(?:then|finally|afterwards)\b,?\s*|\s+(?:and next|and after that|before)\s+",
    re.IGNORECASE,
)
_OWN = r"(?:the|a|an|her|him|his|their|its|my|our)\b"
# "pan from the sofa to the plant" and "start on the sofa and pan to the plant" go to the plant.
_START = re.compile(
    rf"\bfrom {_OWN}[^.;,]{{1,40}}? (?=(?:over |down |up |across )?to )"
    rf"|\b(?:start|begin)(?:s|ing)? (?:on|with|at) {_OWN}[^.;,]{{1,40}}?(?:,|,? and|,? then) (?:then )?",
    re.IGNORECASE,
)
_NOT_ITS_OWN = ("it", "this", "that", "them", "there")  # what these mean another part says


def parts_of(prompt: str, plan: Plan) -> list[str]:
    """What of a prompt is read by itself, without words for where a move starts; nothing where that tells no more."""
    several = sum(bool(phase.moves) for phase in plan.phases) > 1
    turns = any(_open_turn(move) for phase in plan.phases for move in phase.moves)
    parts = _BORDER.split(prompt) if several else [prompt]
    parts = [ending for part in parts if (ending := _START.sub("", part)).strip()]
    return parts if turns and parts != [prompt] else []


def _open_turn(move: Move) -> bool:
    return move.family in ("pan", "tilt") and move.asked is None


def going_there(
    plan: Plan, thing: Found | None, parts: Sequence[tuple[Plan, Found | None]]
) -> tuple[Plan, Found | None]:
    """The plan of a prompt whose later turns end on what their own parts of it name, and the thing of its first move:
    `thing`, or what that move's part names. parts: in their order, what each asks for and names."""
    first = next((i for i, phase in enumerate(plan.phases) if phase.moves), 0)
    left, phases = list(parts), list(plan.phases)
    for number, phase in enumerate(plan.phases):
        own = next((k for k, (asked, _) in enumerate(left) if phase.moves and _asks_for(asked, phase)), None)
        if own is None:
            continue
        _, named = left.pop(own)
        if not (named and named.meant) or named.words.lower() in _NOT_ITS_OWN:
            continue
        if number == first:
            thing = named
            continue
        moves = (attrs.evolve(move, to=named.place) if _open_turn(move) else move for move in phase.moves)
        phases[number] = attrs.evolve(phase, moves=tuple(moves))
    return attrs.evolve(plan, phases=tuple(phases)), thing


def _asks_for(plan: Plan, phase: Phase) -> bool:
    """Whether a plan is for nothing but the moves of a phase, as far as it says their ways."""
    moving = [phase for phase in plan.phases if phase.moves]
    if len(moving) != 1 or len(moving[0].moves) != len(phase.moves):
        return False
    pairs = zip(moving[0].moves, phase.moves, strict=True)
    return all(a.family == b.family and (a.way == b.way or EITHER in (a.way, b.way)) for a, b in pairs)
