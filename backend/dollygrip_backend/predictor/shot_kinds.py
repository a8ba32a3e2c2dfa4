"""Kinds of shots that have a name of their own: what each means where little else is said.

The reader knows most of them from its prompts; where it heard only a part of one, or nothing, its name decides.
"""

import re

import attrs

from dollygrip_backend.predictor.plan import Plan, read_plan

_LONGEST = 7  # words: who says more tells what the camera does
_SHOT = r"[ -]?(?:shot|view|cam(?:era)?|angle|perspective|drone|footage|style|video|clip)"
_FROM_ABOVE = rf"top[ -]?down\b|(?:top|overhead){_SHOT}|(?:bird|god)'?s?[ -]eye"
_WALKING = r"(?:pov|first[ -]person)\b.*\b(?:walk|run|jog|sprint|stumbl|march|creep)|head[ -]bob"
_KINDS = [
    (re.compile(rf"(?<!\bno )(?<!\bnot )(?<!\bnot a )\b(?:{name})", re.IGNORECASE), read_plan(plan))
    for name, plan in (
        (r"earthquake|shock ?wave", "handheld"),
        (rf"(?:drunk(?:en)?|seasick){_SHOT}", "handheld"),
        (rf"hero(?:ic)?{_SHOT}", "pedestal_up + tilt_up"),
        (r"kill ?cam\b", "orbit @fast"),
        (r"boss (?:intro|reveal)\b", "dolly_in @slow"),
        (r"body ?cam\b|found[ -]footage\b", "dolly_in + handheld"),
        (_WALKING, "dolly_in + handheld"),
        (r"(?:house|home|property|apartment|estate) (?:walk[ -]?through|tour)\b", "dolly_in @slow"),
        (_FROM_ABOVE, "pedestal_up:large + tilt_down:large"),
        (r"corkscrew(?:s|ing)? up", "orbit + pedestal_up"),
        (r"dronie\b", "dolly_out + pedestal_up"),
        (r"(?:rocking|heaving|swaying) (?:ship|boat|deck)\b", "roll_clockwise > roll_counterclockwise"),
    )
]
# Alone, words of editing and of looks ask for no move.
_LOOKS = re.compile(
    r"(?:super |with |an? )*(?:slow[ -]?mo(?:tion)?|fade (?:in|out|to (?:black|white))|(?:cross[ -]?)?dissolve|cutaway"
    r"|(?:end |roll the )?credits|bokeh|tilt[ -]shift|time[ -]?lapse|film grain|lens flares?|rack focus)[\s.!]*",
    re.IGNORECASE,
)
_STILL = re.compile(
    r"\b(?:static|still|stationary|steady|locked|lock[ -]?off|tripod|fixed|bolted|motionless|no|not|never|off)\b|n't\b",
    re.IGNORECASE,
)


def named(plan: Plan, prompt: str) -> Plan:
    """The plan of the kind of shot that a short prompt names, where the given one is no more than a part of that."""
    if _LOOKS.fullmatch(prompt.strip()):
        return read_plan("static")
    if len(prompt.split()) > _LONGEST or len(plan.phases) > 1 or _STILL.search(prompt):
        return plan
    for words, kind in _KINDS:
        if words.search(prompt) and _families(plan) < _families(kind):
            tempo = plan.phases[0].tempo
            phases = (attrs.evolve(p, tempo=tempo if p.tempo == "plain" else p.tempo) for p in kind.phases)
            return attrs.evolve(kind, phases=tuple(phases), handheld=max(plan.handheld, kind.handheld))
    return plan


def _families(plan: Plan) -> set[str]:
    return {move.family for phase in plan.phases for move in phase.moves} | ({"handheld"} if plan.handheld else set())
