"""The plan that a prompt was understood as, in an animator's words."""

import re

_TEMPOS = {"slow": "slowly", "fast": "fast", "whip": "in a whip", "constant": "at constant speed"}


def in_words(plan: str) -> str:
    """A plan's one-line notation as people would say it: "dolly_in @slow > pan_left:30deg" as
    "dolly in slowly, then pan left 30°". What it does not know it leaves as it is.
    """
    said = plan.replace("_", " ").replace(" > ", ", then ").replace(" + ", " and ")
    said = re.sub(r" @(\w+)", lambda found: f" {_TEMPOS.get(found[1], found[1])}", said)
    return re.sub(r"(?<=[a-z]):(?=\S)", " ", re.sub(r"(?<=\d)deg\b", "°", said))
