"""Words that the reader does not know: another language, keys hit at random. A camera is predicted for them all the
same, so it has to be told that it is a guess.

What the text encoder has a token of its own for is known, and what jargon.txt lists: words in frequent use in the
prompts that the reader learns from, which the encoder takes to pieces.
"""

import re
from functools import cache
from pathlib import Path

from dollygrip_backend.predictor.quantities import read_quantities
from dollygrip_backend.predictor.text import TextEncoder

_WORD = re.compile(r"[^\W\d_]{2,}")
_MANY = 0.4  # of a prompt's words: everyday ones hold slips of the pen and names


def strange_words(prompt: str, encoder: TextEncoder) -> list[str] | None:
    """The unknown words of a prompt where they are many, each once; [] where it says nothing in words or numbers; None
    where it can be read. An empty prompt asks nothing and can be read."""
    words = _WORD.findall(prompt.lower())
    if not words:
        return None if not prompt.strip() or read_quantities(prompt) else []
    unknown = [word for word in words if not (word in _jargon() or _has_token(word, encoder))]
    return list(dict.fromkeys(unknown)) if len(unknown) >= _MANY * len(words) else None


def _has_token(word: str, encoder: TextEncoder) -> bool:
    pieces = encoder.tokenizer.tokenize(word)
    return len(pieces) == 1 and pieces != [encoder.tokenizer.unk_token]


@cache
def _jargon() -> frozenset[str]:
    return frozenset((Path(__file__).parent / "jargon.txt").read_text(encoding="utf-8").split())
