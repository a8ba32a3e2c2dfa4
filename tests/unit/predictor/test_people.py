"""People whose faces a picture shows: which words name them, who is meant, and where the camera goes."""

import attrs
import numpy as np
import pytest
import torch
from drawn_people import DrawnPerson, picture_of
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.predictor.people import Said, _kinds_worn, fitting, meant, part_named, where, whereabouts
from dollygrip_backend.predictor.picture_features import KINDS
from dollygrip_backend.scene.faces import Face

RED, BLUE = (170, 30, 35), (30, 50, 160)
SHAPE = 16, 24


@pytest.mark.parametrize(
    "words, part",
    [
        ("her", "person"),
        ("the old lady", "person"),
        ("the woman in the red coat", "person"),
        ("the cameraman", "person"),
        ("my dance partner", "person"),
        ("the two women", "people"),
        ("the model", "person"),
        ("the shuttle model", None),
        ("the pair of shoes", None),
        ("a group of friends", "people"),
        ("the faces of the kids", "face"),
        ("them", "people"),
        ("her face", "face"),
        ("the man's eyes", "eyes"),
        ("the main subject", "person"),
        ("the subjects", "people"),
        ("the subject's eyes", "eyes"),
        ("the lips", "mouth"),
        ("the tip of his nose", None),
        ("the face of the man in black", "face"),
        ("the face of the clock", None),
        ("the eyes of the statue", None),
        ("the eyes of her", "eyes"),
        ("his smile", "mouth"),
        ("her cap", "hat"),
        ("the cap", None),
        ("the man's glasses", "eyes"),
        ("the glasses on the table", None),
        ("the dog's nose", None),
        ("its nose", None),
        ("her shoes", "feet"),
        ("the shoes", None),
        ("the man's belt", "waist"),
        ("the chair's legs", None),
        ("her on foot", "person"),
        ("him in the red boots", "person"),
        ("She's in profile", "person"),
        ("her profile", "face"),
        ("the eagle on her cap", None),
        ("the snowman", None),
        ("the red door", None),
        ("the cat", None),
        ("", None),
    ],
)
def test_words_name_people_and_their_parts_or_something_else(words, part):
    assert part_named(words) == part


def face_at(x: float, y: float, height: float, aspect: float = 1.5) -> Face:
    """A face as it stands in a picture `aspect` times as wide as high."""
    width = 0.8 * height / aspect
    points = [(-0.18, -0.1), (0.18, -0.1), (0, 0.1), (-0.14, 0.25), (0.14, 0.25)]
    marks = np.array([(x + dx * height / aspect, y + dy * height) for dx, dy in points])
    return Face((x - width / 2, y - height / 2, x + width / 2, y + height / 2), marks)


def said(words: str, aside: str | None = None) -> Said:
    return Said(words, np.zeros(SHAPE), np.zeros(SHAPE), lambda: torch.zeros(KINDS, *SHAPE), aside)


@given(st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.floats(0.04, 0.6))
def test_parts_of_a_person_lie_as_they_do_on_people(x, y, height):
    face = face_at(x, y, height)
    downwards = ("hat", "hair", "eyes", "nose", "mouth", "chin", "neck", "chest", "waist", "knees", "feet")
    places = {part: where(face, part) for part in (*downwards, "person")}
    heights = [places[part][1] for part in downwards]
    assert heights == sorted(heights)
    assert all(0 < across < 1 and 0 < down < 1 for across, down in places.values())
    assert places["person"][1] >= min(0.99, y) - 1e-9
    assert where(face, "face") == pytest.approx((x, y))


@given(st.floats(0.1, 0.4), st.floats(0.6, 0.9), st.floats(0.08, 0.2), st.floats(1.0, 1.1))
def test_of_two_alike_the_side_tells_and_else_nobody_is_chosen(left, right, height, larger):
    faces = [face_at(left, 0.4, height), face_at(right, 0.4, height * larger)]
    for aside, face in zip(("left", "right"), faces, strict=True):
        place, likely = whereabouts(faces, "person", said("the man", aside))
        assert place == where(face, "person") and likely.sum() == pytest.approx(1)
    place, likely = whereabouts(faces, "person", said("the person"))
    assert place is None and likely.sum() == pytest.approx(1)
    both, _ = whereabouts(faces, "people", said("them"))
    assert left < both[0] < right


def test_of_several_people_one_face_is_not_the_place():
    """The others, who are meant too, look away or are not seen; "them" may be one person."""
    [face] = faces = [face_at(0.7, 0.4, 0.1)]
    for words in ("of them", "the three friends", "both of the women"):
        assert whereabouts(faces, "people", said(words))[0] is None
    for words in ("them", "they"):
        assert whereabouts(faces, "people", said(words))[0] == pytest.approx(where(face, "person"))


def test_the_only_face_is_not_a_mans_where_it_is_a_womans_by_dress():
    """He hides his face, then: a camera that turned to her would turn away from him."""
    face, seen = face_at(0.7, 0.4, 0.1), torch.zeros(KINDS, *SHAPE)
    seen[_kinds_worn("women")] = 0.1
    for words, fits in (("the man", []), ("the woman", [face]), ("the person", [face])):
        assert fitting([face], attrs.evolve(said(words), kinds=lambda: seen)) == fits
    other = face_at(0.3, 0.4, 0.1)
    assert fitting([face, other], attrs.evolve(said("the man"), kinds=lambda: seen)) == [face, other]


def test_who_stands_much_nearer_is_meant():
    chances = meant([face_at(0.3, 0.4, 0.3), face_at(0.7, 0.3, 0.1)], said("the person"))
    assert chances[0] > 0.8 and chances.sum() == pytest.approx(1)


def _subject(shipped, picture: np.ndarray, prompt: str) -> tuple[float, float] | None:
    """What the take tells of the thing that its prompt names."""
    [take] = shipped(picture, prompt, frames=25)
    return take.meta.get("subject")


@pytest.mark.parametrize(
    "prompt, place",
    [
        ("push in on her face", (0, 0)),
        ("slow zoom into her eyes", (0, -0.06)),
        ("orbit left around the woman", (0, 0.4)),
        ("dolly in on the girl's smile", (0, 0.29)),
        ("orbit left around the subject", (0, 0.4)),
    ],
)
def test_a_camera_goes_to_the_person_or_the_part_that_is_named(shipped, prompt, place):
    person = DrawnPerson((160, 130), 90)
    assert np.array(_subject(shipped, picture_of(person), prompt)) * (480, 320) == pytest.approx(
        person.at(*place), abs=12 if place[1] < 0.4 else 30
    )


@pytest.mark.parametrize(
    "prompt, number",
    [
        ("push in on the person in the red shirt", 0),
        ("push in on the person in the blue shirt", 1),
        ("push in on the person on the left", 0),
        ("push in on the man on the right", 1),
    ],
)
def test_of_several_the_one_who_is_dressed_or_stands_as_said_is_meant(shipped, prompt, number):
    people = [DrawnPerson((120, 110), 80, RED), DrawnPerson((350, 110), 80, BLUE)]
    x, _ = _subject(shipped, picture_of(*people), prompt)
    assert x * 480 == pytest.approx(people[number].middle[0], abs=15)


def test_where_it_may_be_either_of_two_the_camera_goes_straight_ahead(shipped):
    people = [DrawnPerson((120, 110), 80), DrawnPerson((350, 110), 80)]
    picture = picture_of(*people)
    assert _subject(shipped, picture, "push in on the person") is None


def test_several_are_as_far_as_they_are_and_not_as_what_lies_between_them(shipped):
    people = [DrawnPerson((120, 110), 80), DrawnPerson((350, 110), 80)]
    depth = np.full((320, 480), 6.0, np.float32)
    depth[:, 60:180] = depth[:, 290:410] = 2.0
    [take] = shipped(picture_of(*people), "orbit left around them", depth=depth)
    assert take.meta["subject"][0] * 480 == pytest.approx(235, abs=10)
    assert take.meta["subject_at"][2] == pytest.approx(2.0)


def test_a_subject_that_is_nobody_is_what_lies_ahead(shipped):
    grey = np.full((320, 480, 3), 128, np.uint8)
    grey[200:260, 400:460] = (200, 30, 30)
    assert _subject(shipped, grey, "push in on the main subject") is None


def test_where_no_face_is_seen_the_grounding_alone_tells(shipped):
    grey = np.full((64, 96, 3), 128, np.uint8)
    assert _subject(shipped, grey, "push in on her face") is None


@pytest.mark.parametrize("prompt, number", [("pan left to the man", 0), ("pan right onto the man", 1)])
def test_of_two_the_one_is_meant_to_whom_the_camera_turns(shipped, prompt, number):
    people = [DrawnPerson((120, 110), 80), DrawnPerson((350, 110), 80)]
    x, _ = _subject(shipped, picture_of(*people), prompt)
    assert x * 480 == pytest.approx(people[number].middle[0], abs=15)
