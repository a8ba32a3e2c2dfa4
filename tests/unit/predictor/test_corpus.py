"""The hand-written prompts: every line is legal, and varying one never changes what it means."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip_backend.data.grammar import bare, sample_pair
from dollygrip_backend.data.grammar.corpus import corpus, mirrored, naming, vary
from dollygrip_backend.data.grammar.mentions import among_colours, told_before, with_subject
from dollygrip_backend.data.grammar.pair import about_one, marked, subject_in
from dollygrip_backend.predictor import CameraPipeline
from dollygrip_backend.predictor.plan import FAMILIES

seeds = st.integers(0, 2**32 - 1)


def test_every_line_is_legal_and_none_is_both_held_out_and_trained_on():
    lines = corpus() + corpus(held_out=True)  # reading a wrong plan raises
    card = (CameraPipeline.shipped() / "MODEL_CARD.md").read_text("utf-8").replace("\n", " ")
    pointed = sum(bare(line.prompt) != line.prompt for line in lines)
    assert f"{len(lines):,} prompts" in card and f"{pointed:,} of them mark" in card
    marks = re.compile(r"[^{}⟨⟩]*(?:(?:\{[^{}⟨⟩]+\}|⟨[^{}⟨⟩]+⟩)[^{}⟨⟩]*)*")
    assert not [line.prompt for line in lines if not marks.fullmatch(line.prompt)]
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
    assert (subject_in(pair.prompt) == (0, 0)) == (subject_in(varied.prompt) == (0, 0))
    assert mirrored(mirrored(varied.plan)) == varied.plan
    for before, after in zip(pair.plan.phases, varied.plan.phases, strict=True):
        for a, b in zip(before.moves, after.moves, strict=True):
            assert a.family == b.family and (a.asked is None) == (b.asked is None)
    if said_sides(pair.prompt):
        kept = said_sides(varied.prompt) == said_sides(pair.prompt)
        assert ways(varied.plan) == ways(pair.plan if kept else mirrored(pair.plan))


def said_sides(prompt):
    """The sides that a prompt says of the move: those of the things in its marks may be others'."""
    return re.findall(r"left|right|[\w-]*clockwise|\bc?cw\b", re.sub(r"[{⟨][^{}⟨⟩]*[}⟩]", "", prompt.lower()))


def ways(plan):
    return [move.way for phase in plan.phases for move in phase.moves]


def test_a_subject_takes_the_place_of_the_braces():
    rng = np.random.default_rng(0)
    for pair in naming()[:50]:
        assert "the red door" in with_subject(pair, "the red door", None, rng).prompt
        assert "blue car" in with_subject(pair, "the red door", "blue car", rng).prompt


@pytest.mark.parametrize("subject, called", [("the old man", "him"), ("the girl in red", "her"), ("the cup", "it")])
def test_what_was_told_before_is_called_by_a_pronoun(subject, called):
    rng = np.random.default_rng(0)
    for pair in naming()[:50]:
        pair = told_before(pair, subject, rng)
        prompt = bare(pair.prompt)
        assert subject_in(pair.prompt) == (0, len(subject))
        assert prompt.startswith(f"{subject} ") and subject not in prompt[1:]
        assert re.search(rf"\b{called}\b", prompt[len(subject) :])


@pytest.mark.parametrize(
    "prompt, subject",
    [
        ("creep up on {the fox} slowly", "the fox"),
        ("read ⟨the label⟩, then {the price}", "the label"),
        ("pan left", ""),
        ("look into the valley⟨⟩", None),
    ],
)
def test_marks_tell_what_a_prompt_is_about(prompt, subject):
    characters = subject_in(prompt)
    assert (characters and bare(prompt)[slice(*characters)]) == (None if subject is None else subject)
    assert subject_in(marked(bare(prompt), characters)) == characters
    assert bare(marked(bare(prompt), characters)) == bare(prompt)


def test_of_several_things_that_of_the_first_move_that_travels_or_zooms_is_marked():
    told = ["look over to {the door}", "roll", "walk up to {the cat}", "circle {the tree}"]
    once = about_one(told, [{"pan"}, {"roll"}, {"dolly"}, {"orbit"}])
    assert once == ["look over to the door", "roll", "walk up to {the cat}", "circle the tree"]
    assert about_one(told[:2], [{"pan"}, {"roll"}]) == told[:2]


@given(seeds)
@settings(deadline=None)
def test_a_drawn_prompt_marks_whole_words(seed):
    prompt = sample_pair(np.random.default_rng(seed)).prompt
    subject = subject_in(prompt)
    if subject:
        words = bare(prompt)
        assert 0 <= subject[0] <= subject[1] <= len(words)
        assert subject == (0, 0) or words[slice(*subject)].strip() == words[slice(*subject)] != ""
        around = words[max(0, subject[0] - 1) : subject[0]] + words[subject[1] : subject[1] + 1]
        assert subject == (0, 0) or not re.search(r"[a-z]", around, re.IGNORECASE), prompt


def test_other_colours_stand_before_or_after_a_prompt():
    rng = np.random.default_rng(0)
    prompts = [among_colours("push in to the red door.", rng) for _ in range(40)]
    assert {prompt.startswith("push in to the red door") for prompt in prompts} == {True, False}
    assert all("push in to the red door" in prompt and len(prompt) > 32 for prompt in prompts)
