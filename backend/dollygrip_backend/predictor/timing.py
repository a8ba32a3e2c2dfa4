"""What words say outright of when: how long a move or a pause lasts, and in which part of the shot it comes.

The reader tells which moves follow one another; numbers of seconds are rules, exact for whatever shot they stand in.
"""

import re

import attrs

from dollygrip_backend.predictor.numbers import DIGITS, NUMBER, number
from dollygrip_backend.predictor.plan import PAUSE_SHARE, Amount, Phase, Plan

_UNIT = r"[ -]*(?P<u>seconds?|secs?|frames?|(?<=\d)s|(?<=\d )s)\b"
_COUNTED = rf"(?<![\w.])(?P<n>{NUMBER}){_UNIT}"  # "a second pan" is no time
_TIME = (
    r"(?:about |roughly |exactly |another |the (?:first|next|last) )*"
    rf"(?:(?<![\w.])(?P<n>{NUMBER}|half an?){_UNIT}|an? (?:full |good )?(?P<one>second)\b(?! [a-z]+ing\b)"
    r"(?=\s*(?:$|[.,;:!?)-]|(?:then|and|before|of|while|on|with|at|so|or)\b)))"
)
_MOVE = r"(?:pan|tilt|push|pull|dolly|zoom|truck|track|orbit|arc|rise|roll|crane)\w*"
_RESTING = r"(?:wait|hold|pause|rest|stay|linger|freeze|stand|remain|stop|keep|beat|breathe|nothing|stillness|silence)"
# The first to match a time wins: "hold for two seconds" is a pause, "for two seconds" alone is how long a move lasts.
_KINDS = [
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("range", rf"(?<![\w.])(?P<from>{DIGITS}) ?(?:s|secs?|seconds)? ?(?:-|–|to) ?(?P<n>{DIGITS}){_UNIT}"),
        ("shot", rf"{_COUNTED}(?=[ -]+(?:long )?(?:shot|clip|video|take|scene|animation|loop|gif)\b)"),
        ("pause", rf"\b{_RESTING}(?:s|ing|es)?\b[^.,;>]{{0,40}}?\b{_TIME}"),
        ("pause", rf"\b(?:after|give (?:it|us|them|him|her|me)) {_TIME}"),
        ("pause", rf"{_COUNTED}(?=[ -](?:of )?(?:{_RESTING}|no(?:thing| movement)))"),
        (
            "move",
            rf"\b(?:for|over|during|in|within|across|last(?:s|ing)|tak(?:es|ing)) {_TIME}(?! (?:later|shot|clip))",
        ),
        ("move", rf"{_COUNTED}(?=[ -](?:of )?(?:slow |fast )?{_MOVE})"),
        ("some", rf"{_COUNTED}(?! (?:later|ago|old|earlier))|\b(?:an?|one) (?P<one>second)(?= of )"),
    )
]
_THEN = re.compile(
    r"\b(?:and then|then|after(?:wards| that)|next|finally|followed by)\b|[;>]|[.]\s+(?=\w)", re.IGNORECASE
)
_COMMA = re.compile(rf"(?:[,;>.]\s*)?(?:{_THEN.pattern})|,(?! *$)", re.IGNORECASE)
_LATER = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:after|at(?: the)?|from|wait(?:ing)?(?: for)?) (?:{_TIME}|frame (?P<frame>\d{{1,4}})\b)"
        r"(?! (?:of|to|until))",
        rf"{_COUNTED} in(?:[.,;:]|$)",
    )
]
_SHOT = r"(?:the |this )?(?:shot|clip|video|take|scene|animation)\b"
_IN_ALL = rf"(?: of {_SHOT}| through {_SHOT}|(?=\s*(?:$|[.,;:!?)])))"
_LAST, _SOME = r"the (?:last|final|closing)", r"\b(?:in|during|for|over|across)"
_WAYS = r"(?: (?:in|out|left|right|up|down|back|forward|on \w+(?: \w+)?|to \w+(?: \w+)?))?"
# Parts of the shot that one move takes, as the shares of its time where it begins and ends.
_PARTS = [
    (part, re.compile(pattern, re.IGNORECASE))
    for part, pattern in (
        ((0.5, 1.0), rf"{_SOME} (?:the (?:second|latter|other)|{_LAST}) half{_IN_ALL}|\bhalf[- ]?way through{_IN_ALL}"),
        ((0.67, 1.0), rf"{_SOME} {_LAST} third{_IN_ALL}"),
        ((0.75, 1.0), rf"{_SOME} {_LAST} quarter{_IN_ALL}|\bnear the end of {_SHOT}"),
        ((0.6, 1.0), rf"\b{_MOVE}{_WAYS} (?:only |just )?(?:right )?at the (?:very )?end{_IN_ALL}"),
        ((0.0, 0.5), rf"{_SOME} the (?:first|opening) half{_IN_ALL}|\bonly at the (?:start|beginning){_IN_ALL}"),
        ((0.0, 0.33), rf"{_SOME} the (?:first|opening) third{_IN_ALL}"),
        ((0.0, 0.25), rf"{_SOME} the (?:first|opening) quarter{_IN_ALL}"),
    )
]
_AT_LAST = re.compile(rf"{_SOME} {_LAST}(?: (?P<n>{NUMBER}|half(?: an?)?))?{_UNIT}", re.IGNORECASE)
_FROM_THE_START = re.compile(r"(?<![\w.])0 ?(?:s|secs?|seconds)? ?(?:-|–|to) ?\d")  # else "2-3 seconds" is about three
_LONGEST = 1000  # of either unit: "the 1950s" are no time
_LEAST = 0.2  # of the shot, for a phase beside those whose time is said


def timed(plan: Plan, prompt: str) -> Plan:
    """The plan with what its prompt says of when: pauses before and after, and how long phases last."""
    return _lasting(_in_its_part(_delayed(plan, prompt), prompt), prompt)


def spread_over(plan: Plan, frames: int, duration: float) -> Plan:
    """The plan of a shot of so many frames and seconds: its shares are those of its time, and what lasts as long as is
    said rests for what is then left."""
    if duration <= 0 or not any(phase.lasts for phase in plan.phases):  # a single frame has no time
        return plan
    per_frame = duration / (frames - 1)
    said = [phase.lasts.value * (per_frame if phase.lasts.unit == "frames" else 1) if phase.lasts else None
            for phase in plan.phases]  # fmt: skip
    fixed = [None if seconds is None else seconds / duration for seconds in said]
    open_shares = [phase.share for phase, share in zip(plan.phases, fixed, strict=True) if share is None]
    total, room = sum(share for share in fixed if share), 1 - _LEAST * len(open_shares)
    scale = min(1.0, room / total)
    left = 1 - scale * total
    shares = [scale * share if share is not None else left * phase.share / sum(open_shares)
              for phase, share in zip(plan.phases, fixed, strict=True)]  # fmt: skip
    phases = [attrs.evolve(phase, share=share) for phase, share in zip(plan.phases, shares, strict=True)]
    if not open_shares and left > 1e-6:
        phases.append(Phase((), left))
    return attrs.evolve(plan, phases=tuple(phases))


def _delayed(plan: Plan, prompt: str) -> Plan:
    """One move that begins later than the shot rests until then."""
    later = next((match for pattern in _LATER if (match := pattern.search(prompt))), None)
    if not later or len(plan.phases) > 1 or not plan.phases[0].moves:
        return plan
    said = later.groupdict()
    wait = Amount(number(said["frame"]), "frames") if said.get("frame") else _time(said)
    if wait.value <= 0:  # "from frame 0"
        return plan
    return attrs.evolve(plan, phases=(Phase((), PAUSE_SHARE, lasts=wait), *plan.phases))


def _in_its_part(plan: Plan, prompt: str) -> Plan:
    """One phase that takes a part of the shot rests before or after it."""
    phase = plan.phases[0]
    if len(plan.phases) > 1 or not phase.moves:
        return plan
    if at_last := _AT_LAST.search(prompt):
        time = _time({"n": at_last["n"] or "1", "u": at_last["u"]})
        if time.value <= 0:
            return plan
        return attrs.evolve(plan, phases=(Phase((), PAUSE_SHARE), attrs.evolve(phase, lasts=time)))
    start, end = next((part for part, pattern in _PARTS if pattern.search(prompt)), (0.0, 1.0))
    parts = (Phase((), start), attrs.evolve(phase, share=end - start), Phase((), 1 - end))
    return attrs.evolve(plan, phases=tuple(part for part in parts if part.share > 0))


def _lasting(plan: Plan, prompt: str) -> Plan:
    """As many times as phases are theirs in order, of ranges ("0-2 s") in that of their starts. Else, where "then" and
    the like, or commas as well, part the prompt into as many as there are phases, a time is of the phase in whose part
    it stands; else, of pauses and of moves, times go to them in order where there are as many."""
    phases, times = list(plan.phases), [time for time in times_said(prompt) if time[1] != "shot"]
    if not times or not any(phase.moves and not phase.lasts for phase in phases):
        return plan
    parted = ([match.start() for match in between.finditer(prompt)] for between in (_THEN, _COMMA))
    steps = next((steps for steps in parted if len(steps) + 1 == len(phases)), None)
    if 1 < len(phases) == len(times):
        places = list(range(len(phases)))
    elif len(phases) > 1 and steps:
        places = [sum(step < at for step in steps) for at, _, _ in times]
    else:
        open_to = {kind: [i for i, phase in enumerate(phases) if bool(phase.moves) == (kind == "move")]
                   for kind in ("pause", "move")}  # fmt: skip
        counts = {kind: sum(said == kind for _, said, _ in times) for kind in open_to}
        times = [time for time in times if time[1] in counts and counts[time[1]] == len(open_to[time[1]])]
        places = [open_to[kind].pop(0) for _, kind, _ in times]
    for place, (_, _, time) in zip(places, times, strict=True):
        phases[place] = attrs.evolve(phases[place], lasts=time)
    return attrs.evolve(plan, phases=tuple(phases))


def times_said(prompt: str) -> list[tuple[int, str, Amount]]:
    """Every time that the prompt says, in its order: at which character, what lasts so long ("pause", "move",
    "shot", or "some" of these), and how long; ranges by their starts."""
    found: dict[int, tuple[int, str, Amount]] = {}
    taken = [False] * len(prompt)
    for kind, pattern in _KINDS:
        for match in pattern.finditer(prompt):
            if taken[match.end() - 1] or (kind == "range" and not _FROM_THE_START.search(prompt)):
                continue
            taken[match.start() : match.end()] = [True] * (match.end() - match.start())
            group = match.groupdict()
            at = number(group["from"]) if kind == "range" else match.end()
            found[at] = match.end(), "some" if kind == "range" else kind, _time(group)
    return [found[at] for at in sorted(found) if 0 < found[at][2].value < _LONGEST]


def _time(said: dict[str, str | None]) -> Amount:
    if said.get("one"):
        return Amount(1.0, "seconds")
    value = 0.5 if said["n"].lower().startswith("half") else number(said["n"]) - number(said.get("from") or "0")
    return Amount(value, "frames" if said["u"].lower().startswith("f") else "seconds")
