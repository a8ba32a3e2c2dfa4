"""The named objects of a view: found where they are, called as people would call them, kept in the scene's file."""

import colorsys
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip.errors import InputError
from dollygrip_backend.data.objects import (
    GENERAL_WORDS,
    OTHER_WORDS,
    SceneObject,
    alone,
    colour_words,
    find_objects,
    general_words,
    other_words,
    spoken,
    unambiguous,
)
from dollygrip_backend.data.scenes import Scene, SceneDataset, load_scene, save_scene

SCENES = Path(__file__).parents[2] / "data" / "scenes"
RED, GREY = (0.8, 0.05, 0.05), (0.5, 0.5, 0.5)


def painted(colour: tuple[float, float, float], top: int = 4, left: int = 10) -> tuple[np.ndarray, ...]:
    """index, albedo, rgb, depth of a 20 x 40 view: an 8 x 6 object of one colour before a grey wall."""
    index = np.zeros((20, 40), np.int16)
    index[top : top + 6, left : left + 8] = 1
    srgb = np.where(index[..., None] == 1, colour, GREY)
    depth = np.where(index == 1, 2.0, 7.0).astype(np.float32)
    return index, srgb**2.2, np.round(srgb * 255).astype(np.uint8), depth


@given(st.integers(0, 14), st.integers(0, 32))
def test_an_object_is_where_its_pixels_are(top, left):
    index, albedo, rgb, depth = painted(RED, top, left)
    (crate,) = find_objects(3, index, np.array(["", "crate"]), albedo, rgb, depth)
    assert (crate.view, crate.phrase, crate.depth) == (3, "red crate", 2.0)
    assert abs(crate.x * 40 - (left + 4)) <= 0.5 and abs(crate.y * 20 - (top + 3)) <= 0.5
    assert crate.share == pytest.approx(48 / 800)


def test_the_place_of_an_object_is_on_it_even_where_its_middle_is_not():
    index, albedo, rgb, depth = painted(RED, 4, 10)
    index[6:8, 12:16], depth[6:8, 12:16] = 0, 7.0  # a frame with a hole
    (ring,) = find_objects(0, index, np.array(["", "ring"]), albedo, rgb, depth)
    assert index[int(ring.y * 20), int(ring.x * 40)] == 1 and ring.depth == 2.0


def test_what_is_seen_in_another_colour_than_it_has_is_given_none():
    index, albedo, rgb, depth = painted(RED)
    blue_light = rgb * np.array([0.2, 1, 1])
    (crate,) = find_objects(0, index, np.array(["", "crate"]), albedo, blue_light.astype(np.uint8), depth)
    assert crate.colour == ""
    index, albedo, rgb, depth = painted((0.05, 0.05, 0.05))
    (lamp,) = find_objects(0, index, np.array(["", "lamp"]), albedo, np.full_like(rgb, 250), depth)
    assert lamp.colour == ""  # it glows: what it is made of reflects nothing


@pytest.mark.parametrize(
    ("picture", "word"),
    [((0.5, 0.5, 0.5), "grey"), ((0.52, 0.5, 0.46), "grey"), ((0.6, 0.5, 0.45), ""), ((0.38, 0.5, 0.42), "")],
)
def test_what_is_made_of_grey_is_called_so_where_the_picture_of_it_has_no_tint(picture, word):
    index, albedo, rgb, depth = painted((0.5, 0.5, 0.5))
    seen = np.where(index[..., None] == 1, np.array(picture) * 255, rgb).astype(np.uint8)
    (sofa,) = find_objects(0, index, np.array(["", "sofa"]), albedo, seen, depth)
    assert sofa.colour == word


def test_a_general_word_fits_things_of_several_kinds():
    def thing(name: str, colour: str) -> SceneObject:
        return SceneObject(0, name, colour, 0.5, 0.5, 2.0, 0.1)

    horse, cat, bus = thing("horse", "brown"), thing("cat", "black"), thing("bus", "")
    said = general_words([horse, cat, bus])
    assert [o for words, o in said if words == "animal"] == [horse, cat]
    assert ("black animal", cat) in alone(said) and ("vehicle", bus) in alone(said)
    assert not any(words in ("animal", "creature") for words, _ in alone(said))


@pytest.mark.parametrize(
    ("word", "srgb"),
    {
        "red": (200, 20, 20),
        "orange": (240, 130, 20),
        "yellow": (240, 220, 40),
        "green": (40, 140, 50),
        "blue": (30, 70, 210),
        "purple": (120, 40, 160),
        "pink": (245, 140, 190),
        "brown": (100, 60, 30),
        "black": (20, 20, 20),
        "white": (245, 245, 245),
        "grey": (130, 130, 130),
    }.items(),
)
def test_colours_have_the_words_that_people_use(word, srgb):
    assert colour_words(np.array(srgb) / 255) == word


@given(st.floats(0, 1), st.floats(0.5, 1), st.floats(0.6, 1))
def test_a_vivid_colour_never_looks_grey(hue, saturation, value):
    word = colour_words(np.array(colorsys.hsv_to_rgb(hue, saturation, value)))
    assert word not in ("black", "white", "grey")


def test_phrases_that_fit_two_objects_are_not_said():
    def crate(colour: str, name: str = "crate") -> SceneObject:
        return SceneObject(0, name, colour, 0.5, 0.5, 2.0, 0.1)

    objects = [crate("red"), crate("red"), crate("blue"), crate("", "dog")]
    assert unambiguous(objects) == [("blue crate", objects[2]), ("dog", objects[3])]


def test_other_words_are_no_names_of_other_things_and_stand_for_one_thing():
    said = [*(word for words in OTHER_WORDS.values() for word in words), *GENERAL_WORDS]
    assert len(said) == len(set(said)) and not set(said) & set(OTHER_WORDS)
    assert other_words("red sofa") == ("red couch", "red settee") and other_words("stool") == ()
    assert "her" in other_words("person") and "red her" not in other_words("red person")
    assert spoken("red couch") == "the red couch" and spoken("her") == "her"


def test_objects_survive_the_file_and_stand_on_the_surfaces_of_their_scene(tmp_path):
    for scene in SceneDataset(SCENES):
        save_scene(tmp_path / f"{scene.name}.npz", scene)
        again = load_scene(tmp_path / f"{scene.name}.npz")
        assert again.objects == scene.objects and again.kind == scene.kind != ""
        assert len(scene.objects) >= 2
        for item in scene.objects_in(0):
            row, column = int(item.y * scene.size[1]), int(item.x * scene.size[0])
            assert scene.depth[0, row, column] == pytest.approx(item.depth, rel=1e-3)
            seen = np.linalg.inv(scene.c2w[0]) @ [*scene.position(item), 1]
            fx, fy, cx, cy = scene.intrinsics[0]
            assert seen[2] == pytest.approx(item.depth)
            assert seen[0] / seen[2] * fx + cx == pytest.approx(item.x * scene.size[0])
            assert seen[1] / seen[2] * fy + cy == pytest.approx(item.y * scene.size[1])


def test_object_rows_that_do_not_fit_are_refused(tmp_path):
    scene = next(iter(SceneDataset(SCENES)))
    assert isinstance(scene, Scene)
    save_scene(tmp_path / "a.npz", attrs.evolve(scene, objects=scene.objects[:1]))
    with np.load(tmp_path / "a.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "a.npz", **{**arrays, "object_numbers": np.zeros((3, 5))})
    with pytest.raises(InputError, match="do not agree"):
        load_scene(tmp_path / "a.npz")
