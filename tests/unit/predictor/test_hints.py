"""What words say outright of a thing's place: its side of the picture, its colour where that is the thing's own, what a
person wears, and where the picture looks like photographs of such things."""

import numpy as np
import pytest
import torch

from dollygrip_backend.predictor.colours import SHADES
from dollygrip_backend.predictor.familiar import NAMES, kinds_like
from dollygrip_backend.predictor.grounding import found_in
from dollygrip_backend.predictor.hints import (
    in_short,
    looking_familiar,
    naming_in,
    on_the_way,
    said_aside,
    said_coloured,
    said_turned,
    said_worn,
    side_said,
    wearing,
    words_naming,
)
from dollygrip_backend.predictor.looks import COLUMNS, ROWS
from dollygrip_backend.predictor.picture_features import KINDS, WEIGHTS
from dollygrip_backend.training.grounding import _around

SHAPE = ROWS, COLUMNS


def place_of(probability):
    return found_in(probability, 2.0).place


def _with_hint(probability: torch.Tensor, hint: torch.Tensor) -> torch.Tensor:
    return torch.cat([probability[:1].log(), probability[1:].log() + hint.flatten()]).softmax(0)


@pytest.mark.parametrize(
    "prompt, side",
    [
        ("push in to the man on the left", "left"),
        ("Walk up to the house at the far right, slowly", "right"),
        ("go to the left-hand window", "left"),
        ("orbit the rightmost chair", "right"),
        ("truck to the left past the chair", None),
        ("turn left to the door", None),
        ("walk over to the left-hand side", None),
        ("from the man on the left to the woman on the right", None),
        ("the lamp on the left of the sofa", None),
    ],
)
def test_a_thing_that_is_said_to_be_on_a_side_is_found_there(prompt, side):
    bells = [torch.from_numpy(_around(x, 0.5)) for x in (0.2, 0.8)]
    both = torch.cat([torch.tensor([0.1]), bells[0] * 0.25 + bells[1] * 0.65])
    hint = said_aside(side_said(prompt, (0, 0)), SHAPE)
    place = place_of(_with_hint(both, hint))
    assert place[0] == pytest.approx(0.2 if side == "left" else 0.8, abs=0.02)
    lonely = place_of(_with_hint(torch.cat([torch.tensor([0.1]), bells[1] * 0.9]), hint))
    assert lonely is None or lonely[0] > 0.7
    assert bool(hint.any()) == (side is not None)


def _hint(prompt: str, own: str, srgb: tuple[int, int, int]) -> torch.Tensor:
    """The hint of a prompt in which the words `own` name the thing; a patch of a picture unlike it is `srgb`."""
    words = prompt.split(" ")
    starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
    picked = torch.tensor([float(word in own.split()) for word in words])
    green = srgb[1] >= max(srgb[0], srgb[2])
    unlike = torch.tensor([1.0, 0.0, 1.0] if green else [0.0, 1.0, 0.0])
    colours = unlike[:, None, None].repeat(1, 8 * ROWS, 8 * COLUMNS)
    colours[:, 40:72, 32:64] = torch.tensor(srgb)[:, None, None] / 255
    said = prompt[slice(*naming_in(prompt, starts, picked / picked.sum()))]
    return said_coloured(said, colours, SHAPE)


@pytest.mark.parametrize(
    "ways, there, elsewhere",
    [
        (("left",), (0.2, 0.5), (0.8, 0.5)),
        (("right",), (0.8, 0.5), (0.2, 0.5)),
        (("up",), (0.5, 0.1), (0.5, 0.9)),
        (("right", "down"), (0.8, 0.8), (0.2, 0.2)),
    ],
)
def test_what_the_camera_turns_to_lies_that_way_unless_it_is_surely_elsewhere(ways, there, elsewhere):
    (x, y), (other_x, other_y) = there, elsewhere
    hint = said_turned(ways, SHAPE)
    for other, place in (0.6, there), (0.999, elsewhere):
        maps = torch.from_numpy((1 - other) * _around(x, y) + other * _around(other_x, other_y))
        found = place_of(_with_hint(torch.cat([torch.tensor([0.01]), 0.99 * maps]), hint))
        assert found == pytest.approx(place, abs=0.1)
    assert hint[ROWS // 2, COLUMNS // 2] == 0 and not said_turned((), SHAPE).any()


@pytest.mark.parametrize("words", [words[0] for words in SHADES])
def test_cells_of_the_colour_that_a_thing_is_said_to_have_are_likelier(words):
    srgb = next(value for names, value in SHADES.items() if words in names)
    hint = _hint(f"push in to the {words} ball", f"{words} ball", srgb)
    shown = torch.zeros(SHAPE, dtype=torch.bool)
    shown[5:9, 4:8] = True
    assert hint[shown].min() == hint.max() > 1.9 and hint[~shown].max() < 0.1


@pytest.mark.parametrize(
    "prompt, own",
    [
        ("push in to the ball under a red sky", "ball"),
        ("in red light go to the ball", "the ball"),
        ("push in to the ball", "ball"),
        ("go to the man in the red shirt and blue trousers", "man red shirt blue trousers"),
    ],
)
def test_the_colour_of_something_else_and_two_colours_say_nothing(prompt, own):
    assert not _hint(prompt, own, (200, 30, 35)).any()


@pytest.mark.parametrize(
    "prompt, naming, said, name",
    [
        ("orbit the red bowl", (6, 10, 14), "the red bowl", "bowl"),
        ("go to the trash can, then left", (6, 10, 16), "the trash can", "trash can"),
        ("look at the man with the dog now", (8, 12, 16, 21, 25), "the man with the dog", "man"),
        ("pan left", (), "", ""),
        ("", (), "", ""),
    ],
)
def test_the_name_of_a_thing_is_without_articles_colours_and_what_tells_it_apart(prompt, naming, said, name):
    starts = np.array([i for i in range(len(prompt)) if prompt[i] != " " and (i == 0 or prompt[i - 1] == " ")], int)
    picked = torch.tensor([1 / len(naming) if start in naming else 0.0 for start in starts])
    assert prompt[slice(*naming_in(prompt, starts, picked))] == said and words_naming(said) == name


@pytest.mark.parametrize(
    "prompt, shares, said",
    [
        ("tilt down to his shoes", {"his": 0.76, "shoes": 0.24}, "his shoes"),
        ("push in on her slowly", {"her": 0.98, "slowly": 0.02}, "her"),
        ("push in on the horse's head", {"the": 0.7, "horse's": 0.2, "head": 0.1}, "the horse's head"),
        ("go to the dogs nose", {"the": 0.37, "dogs": 0.51, "nose": 0.12}, "the dogs nose"),
        ("to the horse's head", {"to": 0.9, "horse's": 0.28}, "to"),
        ("push in on her", {"her": 1.0}, "her"),
        ("push in on the man by the door", {"man": 0.8, "by": 0.2}, "man"),
    ],
)
def test_a_word_that_says_whose_a_thing_is_does_not_name_it_alone(prompt, shares, said):
    words = prompt.split()
    starts = np.array([prompt.index(f" {word}") + 1 if number else 0 for number, word in enumerate(words)])
    picked = torch.tensor([shares.get(word, 0.0) for word in words])
    assert prompt[slice(*naming_in(prompt, starts, picked))] == said


@pytest.mark.parametrize(
    "prompt, named, worn",
    [
        ("Go to the woman in the teal hat, slowly", "the woman in the teal hat", "the teal hat"),
        ("circle the guy wearing a red jacket", "the guy", "a red jacket"),
        ("closer to that hat lady", "that hat lady", "hat"),
        ("orbit lady with hat a quarter turn", "lady with hat", "hat"),
        ("push in on the man in the middle", "the man in the middle", ""),
        ("zoom on the hat", "the hat", ""),
        ("to the house, past the man in the cap", "the house", ""),
    ],
)
def test_what_a_person_wears_is_told_from_where_he_stands(prompt, named, worn):
    start = prompt.index(named)
    assert prompt[slice(*said_worn(prompt, (start, start + len(named))))] == worn


@pytest.mark.parametrize(
    "prompt, named, way",
    [
        ("walk up the sidewalk, then crouch", "the sidewalk", True),
        ("Glide along the wall", "the wall", True),
        ("fly down the narrow street", "the narrow street", True),
        ("tilt up the tower", "the tower", False),
        ("walk up to the road sign", "the road sign", False),
        ("orbit the tree", "the tree", False),
    ],
)
def test_a_way_that_a_camera_goes_is_told_from_its_aim(prompt, named, way):
    start = prompt.index(named)
    assert on_the_way(prompt, (start, start + len(named))) == way


def test_a_person_is_found_below_the_hat_and_in_the_middle_where_the_words_say_so():
    people = sum(torch.from_numpy(_around(x, 0.6)) * likely for x, likely in ((0.15, 0.7), (0.5, 0.1), (0.85, 0.1)))
    three = torch.cat([torch.tensor([0.1]), people])
    hat = torch.from_numpy(_around(0.85, 0.25)).reshape(SHAPE)
    assert place_of(three)[0] < 0.3
    assert place_of(_with_hint(three, wearing(hat)))[0] == pytest.approx(0.85, abs=0.05)
    middle = said_aside(side_said("go to the man in the middle", (6, 13)), SHAPE)
    assert place_of(_with_hint(three, middle))[0] == pytest.approx(0.5, abs=0.05)
    assert side_said("go to the man in the middle of the street", (6, 13)) is None


def test_phrases_mean_kinds_of_things_by_all_their_names(encoder):
    names = (WEIGHTS / NAMES).read_text("utf-8").splitlines()
    for phrase, kind in (("fridge", "refrigerator"), ("trash bin", "ashcan"), ("sofa", "studio couch")):
        alike = kinds_like(encoder.meanings([phrase]))[0]
        assert names[alike.argmax()].startswith(kind) and alike.max() > 0.7
    dogs = kinds_like(encoder.meanings(["dog"]))[0]
    assert (dogs > 0.9).sum() >= 118  # every breed
    assert kinds_like(encoder.meanings(["woman", "stairs"])).max() < 0.2  # which photographs of things do not tell


def test_a_thing_is_found_where_the_picture_looks_like_it():
    kinds = torch.full((KINDS, *SHAPE), 1 / KINDS)
    kinds[42, 3:6, 15:18] = 0.8
    alike = torch.zeros(KINDS)
    nowhere = torch.full((1 + ROWS * COLUMNS,), 1 / (1 + ROWS * COLUMNS))
    nowhere[0] = 0.99
    assert place_of(_with_hint(nowhere, looking_familiar(alike, kinds))) is None
    alike[42] = 1
    x, y = place_of(_with_hint(nowhere, looking_familiar(alike, kinds)))
    assert (x, y) == (pytest.approx(16.5 / COLUMNS, abs=0.02), pytest.approx(4.5 / ROWS, abs=0.02))


@pytest.mark.parametrize(
    "said, told",
    [
        ("the guy on", "the guy"),
        ("the red door of the", "the red door"),
        ("the flag first. When you're there do a dolly zoom on it", "the flag first"),
        ("the pink flowers while dollying in on them", "the pink flowers"),
        ("the woman in the hat", "the woman in the hat"),
        ("her", "her"),
        ("", ""),
    ],
)
def test_what_is_named_is_told_in_short(said, told):
    assert in_short(said) == told
