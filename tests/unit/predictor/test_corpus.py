"""The hand-written prompts: every line is legal, and varying one never changes what it means."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip_backend.data.grammar.corpus import bare, corpus, mirrored, naming, vary
from dollygrip_backend.data.grammar.mentions import among_colours, told_before, with_subject
from dollygrip_backend.predictor.plan import FAMILIES

seeds = st.integers(0, 2**32 - 1)


def test_every_line_is_legal_and_none_is_both_held_out_and_trained_on():
    lines = corpus() + corpus(held_out=True)  # reading a wrong plan raises
    assert len(lines) > 2000
    assert all(line.prompt.count("{") == line.prompt.count("}") for line in lines)
    ours = {bare(line.prompt).lower() for line in corpus()}
    both = [line.prompt for line in corpus(held_out=True) if bare(line.prompt).lower() in ours]
    assert not both


def test_every_move_occurs_often():
    counts = dict.fromkeys([f"{f}_{w}" for f, ways in FAMILIES.items() for w in ways], 0)
    for line in corpus():
        for phase in line.plan.phases:
            for move in phase.moves:
                counts[move.name] = counts.get(move.name, 0) + 1
    assert min(v for k, v in counts.items() if not k.startswith("dolly_zoom") and not k.endswith("either")) > 50, counts


@given(seeds)
@settings(deadline=None)
def test_varied_prompts_keep_sides_and_numbers_in_step(seed):
    rng = np.random.default_rng(seed)
    pair = corpus()[int(rng.integers(len(corpus())))]
    varied = vary(pair, rng)
    assert "{" not in varied.prompt
    assert mirrored(mirrored(varied.plan)) == varied.plan
    for before, after in zip(pair.plan.phases, varied.plan.phases, strict=True):
        for a, b in zip(before.moves, after.moves, strict=True):
            assert a.family == b.family and (a.asked is None) == (b.asked is None)
            said_left = " left" in varied.prompt and " right" not in varied.prompt
            if b.way == "right" and a.family in ("pan", "truck") and len(pair.plan.phases) == 1 and said_left:
                assert " left" in bare(pair.prompt)  # an indirect direction: it was so before


def test_a_subject_takes_the_place_of_the_braces():
    rng = np.random.default_rng(0)
    for pair in naming()[:50]:
        assert "the red door" in with_subject(pair, "the red door", None, rng).prompt
        assert "blue car" in with_subject(pair, "the red door", "blue car", rng).prompt


@pytest.mark.parametrize("subject, called", [("the old man", "him"), ("the girl in red", "her"), ("the cup", "it")])
def test_what_was_told_before_is_called_by_a_pronoun(subject, called):
    rng = np.random.default_rng(0)
    for pair in naming()[:50]:
        prompt = told_before(pair, subject, rng).prompt
        assert prompt.startswith(f"{subject} ") and subject not in prompt[1:]
        assert re.search(rf"\b{called}\b", prompt[len(subject) :])


def test_other_colours_stand_before_or_after_a_prompt():
    rng = np.random.default_rng(0)
    prompts = [among_colours("push in to the red door.", rng) for _ in range(40)]
    assert {prompt.startswith("push in to the red door") for prompt in prompts} == {True, False}
    assert all("push in to the red door" in prompt and len(prompt) > 32 for prompt in prompts)
