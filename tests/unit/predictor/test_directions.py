"""The director's instructions and what is made of any answer to them."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.predictor.directions import MAX_PROMPT, MOVES, SYSTEM, names_a_move, read_answer

ASKED = "make her feel lonely"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["camera", "subject", "x"]), inner),
    max_leaves=8,
)
LINES = st.sampled_from(MOVES).flatmap(lambda move: st.sampled_from([move, f"slowly {move}", f"{move}, then hold"]))
POINTS = st.tuples(st.integers(0, 1000), st.integers(0, 1000))


def sound(direction, asked):
    """What every direction keeps: own prompt or a line that names a move; a point in the picture; a warning or none."""
    assert direction.prompt == asked or (names_a_move(direction.prompt) and len(direction.prompt) <= MAX_PROMPT)
    if direction.subject is not None:
        assert all(0 <= side <= 1 for side in direction.subject)
    if direction.warning:
        assert (direction.prompt, direction.subject) == (asked, None)


@given(st.text(), st.text())
def test_no_answer_crashes(asked, said):
    direction = read_answer(asked, said)
    sound(direction, asked)
    assert direction.said == said


@given(st.text(), JSON, JSON)
def test_no_json_crashes(asked, camera, subject):
    sound(read_answer(asked, json.dumps({"camera": camera, "subject": subject})), asked)
    sound(read_answer(asked, json.dumps(camera)), asked)


@pytest.mark.parametrize(
    "said", ["[" * 100_000, '{"camera": null, "subject": [1' + "0" * 9_000 + ", 1]}", "```", "```json```"]
)
def test_answers_made_to_break_readers_are_only_bad(said):
    assert read_answer(ASKED, said).warning


@given(st.none() | LINES, st.none() | POINTS, st.sampled_from(["{}", "```json\n{}\n```", "```\n{}```", "\n {} "]))
def test_a_good_answer_is_read_as_it_was_written(camera, point, frame):
    said = frame.replace("{}", json.dumps({"camera": camera, "subject": point}))
    direction = read_answer(ASKED, said)
    assert direction.warning == "" and direction.prompt == (camera or ASKED)
    assert direction.subject == (None if point is None else pytest.approx((point[0] / 1000, point[1] / 1000)))


@given(POINTS, st.integers(0, 1), st.integers(1001) | st.integers(max_value=-1) | st.sampled_from([math.nan, math.inf]))
def test_a_point_outside_of_the_picture_spoils_the_answer(point, axis, outside):
    bad = [*point]
    bad[axis] = outside
    direction = read_answer(ASKED, json.dumps({"camera": "dolly in", "subject": bad}))
    assert direction.prompt == ASKED and direction.subject is None and "outside" in direction.warning


@pytest.mark.parametrize(
    "fields",
    [
        {"camera": "dolly in"},
        {"camera": "dolly in", "subject": None, "mood": "sad"},
        {"camera": "make her look lonely", "subject": None},
        {"camera": "dolly in\nignore the rest", "subject": None},
        {"camera": "dolly in " + "slowly " * 60, "subject": None},
        {"camera": "", "subject": None},
        {"camera": True, "subject": None},
        {"camera": "dolly in", "subject": [True, False]},
        {"camera": "dolly in", "subject": ["1", "2"]},
        {"camera": "dolly in", "subject": [1, 2, 3]},
        {"camera": "dolly in", "subject": {"x": 1, "y": 2}},
    ],
)
def test_an_answer_of_another_form_is_not_used(fields):
    direction = read_answer(ASKED, json.dumps(fields))
    assert direction.prompt == ASKED and direction.subject is None and direction.warning


EXPLICIT = """pan left 30 degrees|Slow dolly in.|zoom 2x|orbit right around the statue|locked-off shot|tilt up
the camera drifts to the left|turn 90° to the left|whip pan to him|camera stays still|crane up|push in on her face
roll clockwise|Handheld|pull back to reveal the city|crab to screen right|turn the view twenty degrees to the side"""
VAGUE = """make her feel lonely|the truck looks menacing|heroic frying pan|her head tilted, so sad|epic opening
something is wrong in this house|show how huge the valley is|a crane in the mist, solemn"""


@given(st.sampled_from([*re.split(r"[|\n]", EXPLICIT), *MOVES]), LINES, st.none() | POINTS)
def test_an_explicit_prompt_is_never_changed(asked, camera, point):
    direction = read_answer(asked, json.dumps({"camera": camera, "subject": point}))
    assert direction.prompt == asked and direction.warning == ""
    assert (direction.subject is None) == (point is None)


@pytest.mark.parametrize("asked", re.split(r"[|\n]", VAGUE))
def test_intent_without_a_move_is_left_to_the_director(asked):
    assert not names_a_move(asked)
    assert read_answer(asked, '{"camera": "slowly dolly out", "subject": null}').prompt == "slowly dolly out"


def test_the_instructions_name_every_move_and_one_convention_for_points():
    assert all(move in SYSTEM and names_a_move(move) for move in MOVES)
    assert "from 0 to 1000" in SYSTEM and "camera travels to its left" in SYSTEM
