"""Is a prompt that cannot be read told from one that can?"""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dollygrip_backend.data import grammar
from dollygrip_backend.predictor import strange
from dollygrip_backend.predictor.strange import strange_words


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("Schwenk langsam nach links", ["schwenk", "langsam", "nach"]),
        ("镜头缓慢推近", ["镜头缓慢推近"]),
        ("asdf qwer asdf", ["asdf", "qwer"]),
        ("?!", []),
    ],
)
def test_what_cannot_be_read_is_named(encoder, prompt, unknown):
    assert strange_words(prompt, encoder) == unknown


@pytest.mark.parametrize("prompt", ["", "2x", "90°", "strafe left", "roll ccw", "zomo in on the samovar please"])
def test_jargon_numbers_and_single_slips_are_read(encoder, prompt):
    assert strange_words(prompt, encoder) is None


def test_everyday_prompts_are_read(encoder):
    """All held-out ones: at most one in a thousand is called a guess."""
    files = sorted((Path(__file__).parents[2] / "data").glob("*_prompts.jsonl"))
    prompts = [prompt for file in files for prompt in _prompts(file)]
    assert len(prompts) > 6000
    assert sum(strange_words(prompt, encoder) is not None for prompt in prompts) <= len(prompts) / 1000


def test_a_take_tells_that_it_is_a_guess(shipped):
    image = np.full((64, 96, 3), 128, np.uint8)
    [guess] = shipped(image, "Kamerafahrt zum Haus", frames=9)
    [sure] = shipped.batch(image, ["push in to the house"], frames=9)
    assert guess.meta["strange"] == ["kamerafahrt", "zum", "haus"] and "strange" not in sure.meta


def test_the_jargon_is_what_the_readers_prompts_say_often(encoder):
    """Ten times and more; where this fails after a change of the prompts, `said` is what jargon.txt has to list."""
    folder, counts = Path(grammar.__file__).parent, Counter()
    for file in [*folder.glob("*.toml"), *(folder / "corpus").glob("*.txt")]:
        counts.update(strange._WORD.findall(file.read_text(encoding="utf-8").lower()))
    said = {word for word, count in counts.items() if count >= 10 and not strange._has_token(word, encoder)}
    assert strange._jargon() == said


def _prompts(file: Path) -> list[str]:
    return [json.loads(line)["prompt"] for line in file.read_text(encoding="utf-8").splitlines() if line]
