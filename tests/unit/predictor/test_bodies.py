"""People and animals whose face is hidden: where the camera aims, with the shipped weights on rendered pictures."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.files import read_image
from dollygrip_backend.predictor.bodies import head_of, on_body
from dollygrip_backend.predictor.people import on_a_head, owner_in
from dollygrip_backend.predictor.reference import Reference

PICTURES = Path(__file__).parents[2] / "data" / "pictures"
SHAPE = 16, 24
PARTS = ("head", "neck", "chest", "person", "waist", "knees", "feet")


def heads_at(*places: tuple[float, float, float]) -> np.ndarray:
    """Likelihoods of heads: so much at each (x, y)."""
    likely = np.zeros(SHAPE)
    for x, y, share in places:
        likely[int(y * SHAPE[0]), int(x * SHAPE[1])] += share
    return likely


@given(st.floats(0.1, 0.9), st.floats(0.02, 0.4), st.floats(0.1, 0.5), st.floats(-0.1, 0.1))
def test_the_head_is_found_above_the_body_whatever_else_looks_like_one(x, y, down, aside):
    middle = float(np.clip(x + aside, 0, 1)), y + down
    elsewhere = (x + 0.5) % 1, y, 0.5
    head = head_of(middle, heads_at((x, y, 0.4), elsewhere))
    assert head == pytest.approx((x, y), abs=0.5 / min(SHAPE) + 1e-6)


@pytest.mark.parametrize(
    "place, share",
    [((0.5, 0.2), 0.2), ((0.8, 0.2), 1.0), ((0.5, 0.9), 1.0)],
    ids=["hardly a head", "far aside", "below"],
)
def test_what_is_no_head_of_theirs_is_not_taken_for_one(place, share):
    assert head_of((0.5, 0.6), heads_at((*place, share))) is None


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.5), st.floats(0.02, 0.5), st.floats(-0.1, 0.1))
def test_parts_lie_in_their_order_between_head_and_feet_and_in_the_picture(x, y, down, aside):
    head, middle = (x, y), (float(np.clip(x + aside, 0, 1)), y + down)
    places = [on_body(part, middle, head) for part in PARTS]
    heights = [place[1] for place in places]
    assert heights == sorted(heights) and places[0] == head
    assert all(0 <= across <= 1 and height <= 0.99 for across, height in places)
    assert y < on_body("person", middle, head)[1] < y + down


@pytest.mark.parametrize(
    "words, owner",
    [
        ("her shoes", "her"),
        ("His boots", "him"),
        ("the man's red boots", "the man"),
        ("the girls' feet", "the girls"),
        ("the knees of the man in black", "the man in black"),
    ],
)
def test_who_it_is_that_a_part_belongs_to(words, owner):
    assert owner_in(words) == owner


@pytest.mark.parametrize(
    "words, on_head",
    [
        ("the dog's nose", True),
        ("the snout of the dog", True),
        ("its ears", True),
        ("the nose", False),
        ("the trunk of the tree", False),
    ],
)
def test_what_is_on_an_animal_s_head(words, on_head):
    assert on_a_head(words) == on_head


def _place(shipped, picture: str, prompt: str) -> tuple[float, float] | None:
    [place] = shipped.read([prompt], Reference.of(read_image(PICTURES / picture))).subjects
    return place


def test_somebody_in_profile_is_aimed_at_above_the_waist_and_shoes_below(shipped):
    belly = 0.62  # of the picture's height, by eye; chin 0.38, head from 0.18
    for prompt in ("push in to her", "zoom in on the singer", "dolly in on the person"):
        x, y = _place(shipped, "profile.jpg", prompt)
        assert 0.3 < x < 0.5 and 0.3 < y < belly - 0.06
    assert _place(shipped, "profile.jpg", "tilt down to her knees")[1] > belly + 0.1
    assert _place(shipped, "profile.jpg", "push in on her face")[1] < 0.38


@pytest.mark.parametrize("prompt", ["tilt down to her shoes", "tilt from her face down to the woman’s shoes"])
def test_a_tilt_to_somebody_s_shoes_ends_at_them(shipped, prompt):
    x, y = _place(shipped, "gravel.jpg", prompt)
    assert abs(x - 0.49) < 0.06 and abs(y - 0.92) < 0.08  # by eye


def test_an_animal_s_nose_is_on_its_head(shipped):
    x, y = _place(shipped, "dog.jpg", "push in on the dog's nose")
    assert 0.45 < x < 0.72 and 0.15 < y < 0.45  # the head, by eye
    assert _place(shipped, "dog.jpg", "push in on the dog")[1] > 0.45
