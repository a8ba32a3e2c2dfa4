"""What words say outright of speed: how it changes, that there is none to speak of, and zooms that crash in.

The reader tells slow from fast; these are rules on top of it.
"""

import re

import attrs

from dollygrip_backend.predictor.plan import Phase, Plan

_NO = r"(?<!\bno )(?<!\bnot )(?<!n't )(?<!\bwithout )(?<!\bnever )"
_SPEEDING = re.compile(
    rf"{_NO}(?:\baccelerat|\b(?:gather|pick|gain|build)(?:s|ing)?(?: up)? (?:speed|pace|momentum)"
    r"|\bslow(?:ly)?,? (?:and |but )?then (?:fast|quick|rapid|rush)|\b(?:fast|quick)er and \w+er\b"
    r"|\bslow(?:ly)? (?:at first|to (?:start|begin))\b[^.;]{0,30}\b(?:fast|quick|rapid|rac|rush|speed)|\bspeed ramp"
    r"|\bspeed(?:s|ing)? up\b|\bramp(?:s|ing)? up\b|\bease-in\b|\b(?:an|with|soft|slow) ease in\b"
    r"|\bstart(?:s|ing)? (?:off )?(?:slow|gent)\w*\b[^.;]{0,30}\b(?:fast|quick|speed))",
    re.IGNORECASE,
)
_SLOWING = re.compile(
    rf"{_NO}(?:\bdecelerat|\bslow(?:s|ing)? (?:down|to an?)\b|\bslower and slower\b"
    r"|\b(?:fast|quick(?:ly)?|rapidly),? (?:and |but )?then (?:slow|gentl)|\bbraking\b|\bbrakes? to\b"
    r"|\b(?:fast|quick(?:ly)?) (?:at first|to (?:start|begin))\b[^.;]{0,30}\bslow"
    r"|\b(?:com|glid|roll|drift|eas)(?:e|es|ing) to (?:an?|its) (?:\w+ )?(?:stop|rest|halt|standstill)\b"
    r"|\bl(?:ose|oses|osing) (?:speed|momentum)\b|\bease-out\b|\b(?:an|with|soft|slow) ease out\b"
    r"|\bstart(?:s|ing)? (?:off )?(?:fast|quick)\w*\b[^.;]{0,30}\bslow)",
    re.IGNORECASE,
)
_BOTH = re.compile(r"\bease[- ]in *(?:and|&|/|-) *(?:ease[- ])?out\b", re.IGNORECASE)
_SNAP = re.compile(r"(?<!\bnot a )(?<!\bno )\b(?:crash|snap|smash|whip)[- ]?zoom", re.IGNORECASE)
_EVENLY = re.compile(
    r"\b(?:no|without(?: any)?) eas(?:e|ing)\b|\blinear(?:ly)?\b|\brobotic(?:ally)?\b(?! arm)|\bmechanically\b"
    r"|\blike (?:a robot|a machine|clockwork)\b",
    re.IGNORECASE,
)
_MEDIUM = re.compile(r"\b(?:medium|normal|moderate|average|regular)[ -](?:speed|pace|tempo)", re.IGNORECASE)
_CREEPING = re.compile(
    r"\b(?:very|super|extremely|ultra|painfully|incredibly|insanely|agoni[sz]ingly|really,? really) (?:very )?slow"
    r"|\bglacial|\b(?:at a )?snail'?s pace|\bimperceptibl",
    re.IGNORECASE,
)
_CREEP = 0.6  # on the size of what is slower than slow
_CRASH = 1.6  # on the size of a zoom that crashes in


def paced(plan: Plan, prompt: str) -> Plan:
    """The plan with what its prompt says of speed: tempos, those of EASINGS among them, and whips of the lens."""
    return _snapping(_easing(_evened(_joined(plan), prompt), prompt), prompt)


def _joined(plan: Plan) -> Plan:
    """What goes on as it went, but faster or slower, is one move that gathers or loses speed, without a stop."""
    phases: list[Phase] = []
    for phase in plan.phases:
        pair = (phases[-1].tempo, phase.tempo) if phases and phase.moves == phases[-1].moves else None
        if pair in (("slow", "fast"), ("fast", "slow")) and not any(move.asked for move in phase.moves):
            phases[-1] = attrs.evolve(phase, tempo="accelerating" if pair[1] == "fast" else "slowing")
        else:
            phases.append(phase)
    return attrs.evolve(plan, phases=tuple(phases))


def _evened(plan: Plan, prompt: str) -> Plan:
    """Speeds that are even, medium where the only move's is, or slower than slow."""
    only = sum(bool(phase.moves) for phase in plan.phases) == 1
    phases = list(plan.phases)
    for i, phase in enumerate(phases):
        if not phase.moves or phase.tempo == "whip":
            continue
        if _CREEPING.search(prompt) and (phase.tempo == "slow" or (only and phase.tempo == "plain")):
            moves = tuple(attrs.evolve(move, size=move.size * _CREEP) for move in phase.moves)
            phase = attrs.evolve(phase, moves=moves, tempo="slow")
        if _EVENLY.search(prompt):
            phase = attrs.evolve(phase, tempo="constant")
        elif only and _MEDIUM.search(prompt):
            phase = attrs.evolve(phase, tempo="plain")
        phases[i] = phase
    return attrs.evolve(plan, phases=tuple(phases))


def _easing(plan: Plan, prompt: str) -> Plan:
    """A change of speed is that of the first moving phase where it grows, and of the last where it falls."""
    moving = [i for i, phase in enumerate(plan.phases) if phase.moves]
    speeding, slowing = _SPEEDING.search(prompt), _SLOWING.search(prompt)
    if not moving or _BOTH.search(prompt) or (len(moving) == 1 and speeding and slowing):
        return plan
    phases = list(plan.phases)
    for found, at, tempo in ((speeding, moving[0], "accelerating"), (slowing, moving[-1], "slowing")):
        if found and phases[at].tempo not in ("whip", "constant"):
            phases[at] = attrs.evolve(phases[at], tempo=tempo)
    return attrs.evolve(plan, phases=tuple(phases))


def _snapping(plan: Plan, prompt: str) -> Plan:
    """A crash zoom is as quick as a whip pan; it is rather one that was read as fast."""
    zooms = [i for i, phase in enumerate(plan.phases) if any(move.family == "zoom" for move in phase.moves)]
    zooms.sort(key=lambda i: plan.phases[i].tempo != "fast")
    phases = list(plan.phases)
    for i, _ in zip(zooms, _SNAP.finditer(prompt), strict=False):
        moves = (attrs.evolve(m, size=m.size * (_CRASH if m.family == "zoom" else 1)) for m in phases[i].moves)
        phases[i] = attrs.evolve(phases[i], moves=tuple(moves), tempo="whip")
    return attrs.evolve(plan, phases=tuple(phases))
