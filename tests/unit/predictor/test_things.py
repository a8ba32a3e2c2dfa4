"""Everyday things that words name: of which kinds, which one of several, and where a camera aims at it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.evaluation.judge import components
from dollygrip_backend.files import read_image
from dollygrip_backend.predictor.people import Said
from dollygrip_backend.predictor.things import (
    aim_at,
    cells_of,
    kinds_meant,
    meant_by,
    names_a_kind,
    owner_of,
    place_of,
    shown_by,
)
from dollygrip_backend.scene.things import WEIGHTS, Thing

PICTURES = Path(__file__).parents[2] / "data" / "pictures"
VIEW = 60  # degrees across the picture
SHAPE = 16, 24
NAMES = (WEIGHTS / "kinds.txt").read_text().splitlines()


def thing(kind: str, x: float, y: float = 0.5, size: float = 0.2, likelihood: float = 0.7) -> Thing:
    half = size / 2
    return Thing(NAMES.index(kind), likelihood, (x - half, y - half, x + half, y + half))


def said(words: str, aside: str | None = None, coloured: Thing | None = None, turns: tuple[str, ...] = ()) -> Said:
    """Words whose colour, if they say one, only `coloured` shows."""
    colour = np.zeros(SHAPE)
    if coloured:
        colour[cells_of(coloured.box, SHAPE)] = 1.5
    return Said(words, np.zeros(SHAPE), colour, lambda: torch.zeros(0), aside, turns=turns)


@pytest.mark.parametrize(
    "words, best, several",
    [
        ("the microwave", "microwave", False),
        ("the red double-decker", "bus", False),
        ("the couch by the window", "couch", False),
        ("his motorbike", "motorcycle", False),
        ("the small dog in the back", "dog", False),
        ("the bottles", "bottle", True),
        ("both buses", "bus", True),
        ("the knives on the table", "knife", True),
        ("the teddy bear", "teddy bear", False),
        ("the lemon", "orange", False),
        ("a tractor", "truck", False),
    ],
)
def test_words_name_kinds_of_things(words, best, several):
    kinds, named_several = kinds_meant(words)
    assert kinds[NAMES.index(best)] == max(kinds.values()) and named_several is several
    assert names_a_kind(words)


@pytest.mark.parametrize("words", ["the door", "the window", "her", "the lighthouse", "the bell tower", ""])
def test_words_for_other_things_name_no_kind(words):
    assert not kinds_meant(words)[0] and not names_a_kind(words)


def test_a_fox_may_be_taken_for_any_animal_and_a_dog_is_rather_a_dog():
    fox, _ = kinds_meant("the fox")
    dog, _ = kinds_meant("the dog")
    assert fox.keys() == dog.keys() and NAMES.index("sheep") in fox and len(set(fox.values())) == 1
    assert [kind for kind in dog if dog[kind] == max(dog.values())] == [NAMES.index("dog")]
    as_sheep, as_dog = thing("sheep", 0.3), thing("dog", 0.7, likelihood=0.4)
    assert meant_by(said("the dog"), [as_sheep])[0] == [as_sheep]
    assert meant_by(said("the dog"), [as_sheep, as_dog])[0] == [as_dog]


@given(st.floats(0.12, 0.4), st.floats(0.6, 0.88), st.floats(0.2, 0.8), st.floats(0.36, 0.9))
def test_of_two_the_side_tells(left, right, height, likelihood):
    things = [thing("chair", left, height), thing("chair", right, height, likelihood=likelihood)]
    for aside, meant in (("left", things[0]), ("right", things[1])):
        fits, chances, several = meant_by(said("the chair", aside), things)
        assert not several and place_of(fits, chances, several) == pytest.approx(meant.middle)
    for turn, meant in (("left", things[0]), ("right", things[1])):
        fits, chances, several = meant_by(said("the chair", turns=(turn,)), things)
        assert place_of(fits, chances, several) == pytest.approx(meant.middle)


def test_of_two_the_colour_tells_and_else_it_stays_open():
    things = [thing("car", 0.2), thing("car", 0.5), thing("car", 0.8)]
    for meant in things:
        assert meant_by(said("the red car", coloured=meant), things)[0] == [meant]
    fits, chances, several = meant_by(said("the car"), things)
    assert len(fits) == 3 and place_of(fits, chances, several) is None
    hint = shown_by(fits, SHAPE).numpy()
    assert all((hint[cells_of(car.box, SHAPE)] == 0).all() for car in things)
    assert hint[0].max() < -3 and hint[:, 8].max() < -3


def test_several_are_aimed_at_in_their_middle_and_one_seen_twice_counts_once():
    things = [thing("bottle", 0.2), thing("bottle", 0.6)]
    fits, chances, several = meant_by(said("the bottles"), things)
    assert place_of(fits, chances, several) == pytest.approx((0.4, 0.5))
    twice = [thing("couch", 0.5, size=0.4), thing("couch", 0.52, size=0.38, likelihood=0.5)]
    assert len(meant_by(said("the sofa"), twice)[0]) == 1


def test_what_is_much_larger_is_meant():
    near, far = thing("bus", 0.3, size=0.5), thing("bus", 0.7, size=0.1)
    fits, chances, several = meant_by(said("the bus"), [far, near])
    assert place_of(fits, chances, several) == pytest.approx(near.middle)


def test_an_animal_is_aimed_at_above_its_middle():
    assert aim_at(thing("horse", 0.5, 0.5, 0.4))[1] == pytest.approx(0.46)
    assert aim_at(thing("vase", 0.5, 0.5, 0.4))[1] == pytest.approx(0.5)


def test_a_part_is_looked_for_on_the_only_one_that_has_it():
    bus, car = thing("bus", 0.3), thing("car", 0.7)
    assert owner_of("the bus's front wheel", [bus, car]) == bus
    assert owner_of("the wheel of the car", [bus, car]) == car
    assert owner_of("the wheel of the car", [bus, car, thing("car", 0.5)]) is None
    assert names_a_kind("the wheel of the car") and owner_of("the lighthouse's lamp", [bus, car]) is None


@given(st.floats(0, 0.99), st.floats(0, 0.99), st.floats(0.001, 1), st.floats(0.001, 1))
def test_a_box_covers_the_cells_it_touches_and_one_at_least(left, top, width, height):
    box = left, top, min(1, left + width), min(1, top + height)
    rows, columns = cells_of(box, SHAPE)
    covered = np.zeros(SHAPE, bool)
    covered[rows, columns] = True
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    assert covered[min(15, int(y * 16)), min(23, int(x * 24))]
    assert covered.sum() <= (height * 16 + 2) * (width * 24 + 2)


@pytest.mark.parametrize(
    "name, prompt, across",
    [
        ("street", "pan left to the traffic light on the left", 0.125),
        ("street", "pan over to the traffic lights", 0.16),
        ("friends", "pan to the person on the right", 0.735),
        ("profile", "pan right to the couch", 0.875),
        ("loft", "pan right to the cat", 0.68),
    ],
)
def test_a_pan_ends_facing_the_thing_that_it_names(shipped, name, prompt, across):
    picture = read_image(PICTURES / f"{name}.jpg")
    takes = shipped(picture, prompt, takes=3, view_degrees=VIEW)
    expected = np.degrees(np.arctan((2 * across - 1) * np.tan(np.radians(VIEW / 2))))
    assert [components(take)[-1, 0] for take in takes] == pytest.approx([expected] * 3, abs=4)
