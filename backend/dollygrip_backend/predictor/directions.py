"""What the director is told and how its answer is read: text alone, no model.

The answer is one JSON object. Coordinates in it are whole thousandths of the image's width and height, the convention
that Qwen-VL models are trained on; everywhere else a point is (x, y) from 0 to 1.
"""

import json
import re
from typing import Any

import attrs

MAX_PROMPT = 300  # characters of a rewritten prompt; the predictor reads about 60 tokens
_GRID = 1000

MOVES = (
    "static locked-off shot",
    "pan left",
    "pan right",
    "tilt up",
    "tilt down",
    "roll clockwise",
    "roll counterclockwise",
    "dolly in",
    "dolly out",
    "truck left",
    "truck right",
    "pedestal up",
    "pedestal down",
    "zoom in",
    "zoom out",
    "orbit left",
    "orbit right",
    "dolly zoom in",
    "dolly zoom out",
    "handheld camera",
)
"""The moves that the director may choose from, in the predictor's plain words."""

SYSTEM = f"""You are a director of photography. You see the first frame of a shot and read what somebody wants of it. \
You answer how the camera moves, in plain words, and where in the picture the subject is.

Moves: {", ".join(MOVES)}.
- pan, tilt and roll turn the camera on the spot. truck, pedestal and dolly carry it. zoom changes the lens alone.
- left and right are as seen in the picture. "orbit left" means that the camera travels to its left around the subject.
- clockwise rolls are seen from behind the camera.
- "dolly zoom in" moves closer while the lens widens; "dolly zoom out" moves away while the lens narrows.
- Say "slowly", "quickly", "slightly" or "far" where it helps. Join moves that happen at once with "while", moves in \
order with "then". One or two moves are enough.

Answer with one JSON object and nothing else:
{{"camera": "<the moves>" or null, "subject": [x, y] or null}}
- camera: null if the text already says how the camera moves ("pan left 30 degrees", "slow push in", "don't move"). It \
is then used word for word; never repeat or correct it. Otherwise the moves that bring about the wanted feeling or \
purpose. What people and things in the picture do is not a camera move.
- subject: the middle of the person or thing that the text is about, as whole numbers from 0 to {_GRID}: x from the \
picture's left edge to its right edge, y from its top to its bottom. null if the text names none or it is not visible.

Examples:
make her feel lonely -> {{"camera": "slowly dolly out", "subject": [512, 430]}}
orbit right around the statue by 90 degrees -> {{"camera": null, "subject": [300, 551]}}
something is wrong in this house -> {{"camera": "slowly dolly in while rolling slightly clockwise", "subject": null}}"""

_SIDES = r"left|right|leftwards?|rightwards?"
_HEIGHTS = r"up|down|upwards?|downwards?"
_DEPTHS = r"in|out|into|toward|towards|forwards?|back|backwards?|away|closer|around"
_WORDS = r"(?:[\s,-]+[\w']+){0,5}?[\s,-]+"  # up to five words between a move and its direction


def _family(verbs: str, ways: str) -> str:
    return rf"(?:{verbs})(?:s|n?ed|n?ing)?{_WORDS}(?:{ways})"


_EXPLICIT = re.compile(
    rf"\b(?:{_family('pan|truck|crab|straf|swivel', f'{_SIDES}|{_HEIGHTS}')}"
    rf"|{_family('tilt|pedestal|crane|boom|jib|descend', _HEIGHTS)}"
    rf"|{_family('roll', _SIDES)}"
    rf"|{_family('push|pull|track|slid|slide|glid|glide', f'{_SIDES}|{_DEPTHS}')}"
    rf"|{_family('camera|cam|lens|view', f'{_SIDES}|{_HEIGHTS}|{_DEPTHS}|still|static|fixed|locked')}"
    r"|(?:static|fixed|locked|still)[\s-]+(?:off[\s-]+)?(?:shot|camera)|locked[\s-]off|hand-?held|whip pan"
    r"|dolly|dollies|dollied|zoom|zooms|zoomed|zooming|orbit|orbits|orbited|orbiting|fly-through|dutch"
    r"|(?:(?:counter|anti)[\s-]?)?clockwise|c?cw|degrees?|deg)\b|\d\s*(?:°|deg\b|degrees?\b)",
    re.IGNORECASE,
)


@attrs.frozen
class Direction:
    """What the predictor is to be given.

    prompt: the rewritten prompt, or the user's own; subject: (x, y) in the image from 0 to 1, or None; said: the
    model's answer as it came; warning: why the answer was not used, or empty.
    """

    prompt: str
    subject: tuple[float, float] | None
    said: str
    warning: str = ""

    def meta(self, asked: str) -> dict[str, str]:
        """Provenance for the takes: what the user asked for, what the predictor got, what the model said."""
        words = {"asked": asked, "prompt": self.prompt, "said": self.said}
        return {**words, "warning": self.warning} if self.warning else words


def names_a_move(prompt: str) -> bool:
    """Whether a prompt names a camera move in so many words, such as "pan left 30 degrees", "dolly in", "hand-held".

    Meant to be sure rather than complete: "turn round to see who is there" is left to the model.
    """
    return _EXPLICIT.search(prompt) is not None


def read_answer(asked: str, said: str) -> Direction:
    """The direction that the model's answer `said` gives to the prompt `asked`.

    A prompt that names a move is never changed, whatever the answer; an answer that breaks the form is not used, in no
    part, and the direction is then the user's own prompt with a warning.
    """
    try:
        camera, subject = _answer(said)
    except _AnswerError as error:
        return Direction(asked, None, said, f"The director's answer was not used: {error}. Your own prompt was taken.")
    if camera is None or names_a_move(asked):
        camera = asked
    return Direction(camera, subject, said)


class _AnswerError(ValueError):
    pass


def _answer(said: str) -> tuple[str | None, tuple[float, float] | None]:
    """(camera, subject) of an answer, which may stand in a Markdown fence."""
    text = said.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.strip("`").removeprefix("json")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise _AnswerError("it is not JSON") from None
    if not isinstance(fields, dict) or fields.keys() != {"camera", "subject"}:
        raise _AnswerError("it is no object of camera and subject")
    return _camera(fields["camera"]), _subject(fields["subject"])


def _camera(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_PROMPT or not value.isprintable():
        raise _AnswerError("its camera is not a line of text")
    if not names_a_move(value):
        raise _AnswerError("its camera names no move")
    return value.strip()


def _subject(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    # bool is an int in Python; NaN, which Python's JSON reader knows, fails the comparison.
    if not isinstance(value, list) or len(value) != 2 or any(type(side) not in (int, float) for side in value):
        raise _AnswerError("its subject is not two numbers")
    if not all(0 <= side <= _GRID for side in value):
        raise _AnswerError("its subject lies outside of the image")
    return value[0] / _GRID, value[1] / _GRID
