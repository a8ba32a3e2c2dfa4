"""What words say of speed along a drawn path, place by place: "fast at first, slow in the middle, stop halfway".

Rules on top of the reader, which knows of no path: to it, "halfway" is how far the camera goes.
"""

import re

import attrs

from dollygrip_backend.predictor.pacing import travels
from dollygrip_backend.predictor.plan import PAUSE_SHARE, TRAVELLING, Amount, Phase, Plan
from dollygrip_backend.predictor.timing import times_said

_REST = "rest"
_SPEEDS = {
    kind: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for kind, words in (
        ("slow", r"slow(?:ly|er|s|ing)?(?: down)?|gent(?:ly|ler)|linger(?:s|ing)?|crawl(?:s|ing)?|creep(?:s|ing)?"),
        (
            "fast",
            r"fast(?:er)?|quick(?:ly|er)?|rapidly|speed(?:s|ing)? up|accelerat(?:e|es|ing)|rush(?:es|ing)?"
            r"|hurr(?:y|ies|ying)|rac(?:e|es|ing)",
        ),
        (_REST, r"paus(?:e|es|ing)|stop(?:s|ping)?|halt(?:s|ing)?|hold(?:s|ing)?|rest(?:s|ing)?|wait(?:s|ing)?"),
    )
}
_PART = r"(?: (?:half|third|quarter|part|stretch|bit|section))?"
_PLACES = {  # in the order of the way; a verb counts beside a speed alone: "start fast"
    place: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for place, words in (
        (
            "start",
            rf"(?:at|in|from|for|over) the (?:very )?(?:start|beginning|outset|first{_PART})|at first"
            r"|to (?:start|begin)(?: with)?|(?:start|begin)(?:s|ning|ing)?(?: off| out)?(?=,? [a-z]+$)",
        ),
        (
            "middle",
            rf"(?:in|at|through|near|towards?|over|for) (?:the|its) (?:very )?middle{_PART}"
            r"|(?:at |by )?(?:the )?half[- ]?way(?: point)?|(?:at )?(?:the )?mid(?:way|[- ]?point)",
        ),
        (
            "end",
            rf"(?:at|near|towards?|by|before|for|in|over) the (?:very )?(?:end|finish|last{_PART}|final{_PART})"
            r"|(?:end|finish)(?:s|es|ing)?(?: up| off)?(?=,? [a-z]+$)",
        ),
    )
}
_CLAUSE = re.compile(r"[^,;.]+?(?=\s*(?:[,;.]|\b(?:and|but|then)\b|$))", re.IGNORECASE)
_FILLERS = r"(?:go|goes|then|and|but|it|is|be|again|more|very|down|up|just|only|a bit|a little|the camera)"
_OWN_WORD = re.compile(rf"\b(?!{_FILLERS}\b)(?!camera\b)\w", re.IGNORECASE)
_ALONE = re.compile(rf"\W*(?:{_FILLERS} )*\w+(?: again)?\W*$", re.IGNORECASE)


@attrs.frozen
class Speeds:
    """Tempos of the first, the middle and the last third of a way; where it rests ("start", "middle", "end" or ""), and
    how long where that is said; besides: what else the prompt says."""

    tempos: tuple[str, str, str]
    rests: str
    lasts: Amount | None
    besides: str


def said_speeds(prompt: str) -> Speeds | None:
    """What a prompt says of speed at places of a path; None where it says nothing of that."""
    clauses = [(m.span(), *_said(m[0])) for m in _CLAUSE.finditer(prompt)]
    placed = [i for i, (_, kind, place) in enumerate(clauses) if kind and place]
    if not placed:
        return None
    tempos = dict.fromkeys(_PLACES, "plain")
    rests, lasts, besides = "", None, prompt
    for i, ((first, end), kind, place) in reversed(list(enumerate(clauses))):
        words = prompt[first:end]
        if kind and not place and _ALONE.match(words):  # "fast, slow in the middle, fast again"
            place = "start" if i < placed[0] else "end" if i > placed[-1] else None
        if not kind or not place:
            continue
        if kind == _REST:
            rests, lasts = place, next((time for *_, time in times_said(words)), None)
        else:
            tempos[place] = kind
        spans = [pattern.search(words) for pattern in (_SPEEDS[kind], _PLACES[place])]
        ends = [at for match in spans if match for at in match.span()]
        besides = besides[: first + min(ends)] + besides[end if kind == _REST else first + max(ends) :]
    return Speeds(tuple(tempos.values()), rests, lasts, _tidy(besides)) if besides != prompt else None


def at_speeds(plan: Plan, said: Speeds) -> Plan:
    """The plan of a camera on a path that goes as is said, place by place, in its one phase that travels, and turns
    nowhere in it."""
    going = [i for i, phase in enumerate(plan.phases) if phase.moves and travels(phase)]
    if len(going) != 1 or any(move.family not in TRAVELLING for move in plan.phases[going[0]].moves):
        return plan
    at = going[0]
    whole = plan.phases[at]
    even = set(said.tempos) == {"plain"}
    parts = [attrs.evolve(part, tempo=tempo) for part, tempo in zip(_parts(whole, 3), said.tempos, strict=True)]
    if said.rests == "middle":
        first, last = _parts(whole, 2) if even else (parts[0], parts[2])
        parts = [first, _pause(said, whole), last]
    elif said.rests:
        parts = [whole] if even else parts
        parts = [_pause(said, whole), *parts] if said.rests == "start" else [*parts, _pause(said, whole)]
    return attrs.evolve(plan, phases=(*plan.phases[:at], *parts, *plan.phases[at + 1 :]))


def _parts(phase: Phase, count: int) -> list[Phase]:
    lasts = phase.lasts and attrs.evolve(phase.lasts, value=phase.lasts.value / count)
    return [attrs.evolve(phase, share=phase.share / count, lasts=lasts)] * count


def _pause(said: Speeds, beside: Phase) -> Phase:
    return Phase((), PAUSE_SHARE * beside.share, lasts=said.lasts)


def _said(clause: str) -> tuple[str | None, str | None]:
    """The kind of speed and the place that a clause speaks of; no place that is one of something else: "the man in the
    middle walks slowly"."""
    kind, speed = _first(_SPEEDS, clause)
    place, there = _first(_PLACES, clause)
    if speed and there:
        early, late = sorted((speed.span(), there.span()))
        if _OWN_WORD.search(clause[early[1] : late[0]]):
            place = None
    return kind, place


def _first(patterns: dict[str, re.Pattern], clause: str) -> tuple[str | None, re.Match | None]:
    found = ((name, pattern.search(clause)) for name, pattern in patterns.items())
    return next(((name, match) for name, match in found if match), (None, None))


def _tidy(words: str) -> str:
    """What is left of a prompt without empty clauses; "" where no word has a meaning of its own."""
    kept = [part.strip() for part in re.split(r"[,;.]", words) if part.strip()]
    return ", ".join(kept) if any(map(_OWN_WORD.search, kept)) else ""
