"""What the grammar makes, and the marks in its prompts for the thing that the camera's move is about.

Marks are braces, where any other thing could stand there, or angle brackets: "creep up on {the fox}", "read ⟨the
label⟩". A prompt without marks names nothing; empty ones, "⟨⟩", say that it is not known.
"""

import re
from collections.abc import Sequence

import attrs

from dollygrip_backend.predictor.plan import Plan

_MARKED = re.compile(r"[{⟨]([^{}⟨⟩]*)[}⟩]")
_TURNS = {"pan", "tilt", "roll"}


@attrs.frozen
class Pair:
    """A prompt, with marks, and what it asks for."""

    prompt: str
    plan: Plan


def bare(prompt: str) -> str:
    """The prompt as a user would type it: without marks."""
    return re.sub(r"[{}⟨⟩]", "", prompt)


def subject_in(prompt: str) -> tuple[int, int] | None:
    """The characters, from the first to the one after the last, in the bare prompt that name the thing; (0, 0) where
    there is none, None where it is not known."""
    mark = _MARKED.search(prompt)
    if mark is None:
        return 0, 0
    start = len(bare(prompt[: mark.start()]))
    return (start, start + len(mark[1])) if mark[1] else None


def marked(text: str, subject: tuple[int, int] | None) -> str:
    """The bare prompt with marks again: `subject` as `subject_in` gives it."""
    if subject is None:
        return text + "⟨⟩"
    start, end = subject
    return f"{text[:start]}{{{text[start:end]}}}{text[end:]}" if end else text


def about_one(prompts: Sequence[str], families: Sequence[set[str]]) -> list[str]:
    """Prompts with marks in one of them: in the first whose moves travel or zoom (families), else the first."""
    named = [i for i, prompt in enumerate(prompts) if _MARKED.search(prompt)]
    kept = next((i for i in named if families[i] - _TURNS), named[0] if named else None)
    return [prompt if i == kept else bare(prompt) for i, prompt in enumerate(prompts)]


def first_letter(text: str, case=str.upper) -> str:
    """With the first letter, or what is marked with it, in capitals or not."""
    return re.sub(r"^([{⟨]?)(.)", lambda match: match[1] + case(match[2]), text)
