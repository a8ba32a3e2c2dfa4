"""The plan that a prompt was understood as, in an animator's words."""

import re

_TEMPOS = {"slow": "slowly", "fast": "fast", "whip": "in a whip", "constant": "at constant speed"}
_SHOWN = 3  # of the words that were not known
_GAZES = {"ahead": "looking ahead", "back": "looking back", "subject": "looking at the subject"}


def in_words(plan: str, gaze: str | None = None) -> str:
    """A plan's one-line notation as people would say it: "dolly_in @slow > pan_left 30°" as
    "dolly in slowly, then pan left 30°". What it does not know it leaves as it is. gaze: where the camera looks on a
    path, "ahead", "back" or "subject".
    """
    said = plan.replace("_", " ").replace(" > ", ", then ").replace(" + ", " and ")
    said = re.sub(r" @(\w+)", lambda found: f" {_TEMPOS.get(found[1], found[1])}", said)
    said = re.sub(r"(?<=[a-z]):(?=\S)", " ", said)
    return f"{said}, {_GAZES[gaze]}" if gaze in _GAZES else said


def subject_in_words(meta: dict) -> str:
    """What a take's meta tells of the thing that its prompt names: where in the picture it was found, or that it was
    not; "" where the prompt names none that the camera goes by."""
    named, place = meta.get("named"), meta.get("subject")
    if not isinstance(named, str) or not named:
        return ""
    if not place:
        return f"“{named}” was not found in the picture"
    x, y = place
    return f"“{named}” was found {x:.0%} across, {y:.0%} down"


def strange_in_words(meta: dict) -> str:
    """What a take's meta tells of a prompt that could not be read; "" where it was."""
    strange = meta.get("strange")
    if not isinstance(strange, list):
        return ""
    if not strange:
        return "a guess, for there are no words"
    quoted = ", ".join(f"“{word}”" for word in strange[:_SHOWN]) + (" …" if len(strange) > _SHOWN else "")
    return f"a guess: it reads English only, and does not know {quoted}"
