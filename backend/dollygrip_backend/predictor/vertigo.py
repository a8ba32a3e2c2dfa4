"""Dolly zooms that are told by how they look: a thing keeps its size while what lies behind it comes or goes.

The camera goes in while the lens widens, and the background falls away; it goes back while the lens closes in, and the
background swells up. Who says what camera or lens do needs no such rule.
"""

import re

import attrs

from dollygrip_backend.predictor.plan import Plan, read_plan

_SIZE = re.compile(
    r"\b(?:same size|size (?:constant|unchanged|the same)|as (?:big|large) as|(?:keep|hold)s? (?:its|his|her) size)\b",
    re.IGNORECASE,
)
_BEHIND = r"\b(?:behind|background|backdrop|walls?|room|world|everything|surroundings|sky|street|city|stadium|crowd)\b"
_GOES = re.compile(
    rf"{_BEHIND}[^.;]*?\b(?:(?:stretch|rush|fall|drop|shoot|drift|slip|slide|fly|pull|race|move|melt|run|sink|go)\w* "
    r"(?:\w+ )?(?:away|off|back)|into the distance|reced\w+|far away)\b",
    re.IGNORECASE,
)
_COMES = re.compile(
    rf"{_BEHIND}[^.;]*?\b(?:(?:rush|swell|crowd|squeeze|press|close|come|creep|loom|surge|grow|move)\w* (?:\w+ )?"
    r"(?:up|in|close|closer|near|nearer|larger|bigger)|swells|looms)\b",
    re.IGNORECASE,
)
_SAID = re.compile(r"\b(?:zoom|lens|dolly|track|camera|focal|push|travel)\w*", re.IGNORECASE)


def looked(plan: Plan, prompt: str) -> Plan:
    """The plan as a dolly zoom, where the words tell one by its look alone."""
    goes, comes = _GOES.search(prompt), _COMES.search(prompt)
    if bool(goes) == bool(comes) or not _SIZE.search(prompt) or _SAID.search(prompt) or len(plan.phases) > 1:
        return plan
    [phase] = read_plan("dolly_zoom_in" if goes else "dolly_zoom_out").phases
    [asked] = plan.phases
    return attrs.evolve(plan, phases=(attrs.evolve(asked, moves=phase.moves),))
