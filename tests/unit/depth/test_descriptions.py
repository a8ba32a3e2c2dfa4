"""Descriptions fit the one thing that they name: by side, size, distance, shade, clothes, hat and hair."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.data.descriptions import Look, descriptions, look_of, shades
from dollygrip_backend.data.objects import SceneObject

_NOTHING = Look(None)


def ball(x: float, depth: float = 5.0, share: float = 0.02, colour: str = "") -> SceneObject:
    return SceneObject(0, "ball", colour, x, 0.5, depth, share)


def said_of(things: list) -> dict[str, SceneObject]:
    return {words: item for same, item in descriptions(things) for words in same}


@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=5, unique=True))
def test_the_thing_on_the_left_is_left_of_all_others_by_far(xs):
    said = said_of([(ball(x), _NOTHING) for x in xs])
    for words, order in (("ball on the left", sorted(xs)), ("ball on the right", sorted(xs, reverse=True))):
        if abs(order[1] - order[0]) > 0.13:
            assert said[words].x == order[0]
        elif abs(order[1] - order[0]) < 0.11:
            assert words not in said


def test_one_thing_alone_is_on_a_side_near_an_edge_only():
    assert "ball on the left" in said_of([(ball(0.2), _NOTHING)])
    assert "ball on the right" in said_of([(ball(0.8), _NOTHING)])
    assert not said_of([(ball(0.5), _NOTHING)])


@given(st.floats(1, 20), st.floats(1, 20), st.floats(0.004, 0.4), st.floats(0.004, 0.4))
def test_near_and_far_large_and_small_are_said_where_they_show(depth, other, share, share_of_other):
    things = [ball(0.45, depth, share), ball(0.5, other, share_of_other)]
    said = said_of([(item, _NOTHING) for item in things])
    if max(depth, other) / min(depth, other) > 1.31:
        assert said["nearest ball"].depth == min(depth, other) and said["ball at the back"].depth == max(depth, other)
    if max(share, share_of_other) / min(share, share_of_other) < 1.99:
        assert "small ball" not in said and "big ball" not in said
    elif max(share, share_of_other) / min(share, share_of_other) > 2.01:
        assert said["little ball"].share == min(share, share_of_other)


def test_a_coloured_thing_has_its_side_among_those_of_its_colour():
    said = said_of([(ball(x, colour=c), _NOTHING) for x, c in ((0.1, "blue"), (0.4, "red"), (0.8, "red"))])
    assert said["red ball on the left"].x == 0.4 and said["ball on the left"].x == 0.1


@pytest.mark.parametrize(
    "words, srgb", [("turquoise", (64, 204, 190)), ("cream", (240, 230, 205)), ("navy", (25, 30, 90))]
)
def test_shades_have_their_words_and_only_one_thing_is_called_so(words, srgb):
    rgb, depth = np.full((60, 90, 3), srgb, np.uint8), np.full((60, 90), 5.0)
    look = look_of(ball(0.5), rgb, depth, (60.0, 60.0))
    assert words in shades([look.middle])[0]
    assert f"{words} ball" in said_of([(ball(0.5), look)])
    twice = said_of([(ball(0.5), look), (ball(0.55), look)])
    assert f"{words} ball" not in twice


def test_a_thing_of_many_colours_has_no_shade():
    rgb = np.random.default_rng(1).integers(0, 255, (60, 90, 3)).astype(np.uint8)
    assert look_of(ball(0.5), rgb, np.full((60, 90), 5.0), (60.0, 60.0)).middle is None


def person_in(shirt: tuple, trousers: tuple, top: int = 10) -> tuple[np.ndarray, np.ndarray, SceneObject]:
    """A figure of 1.75 m, 5 m away, from row `top` on: a metre is 40 pixels."""
    rgb, depth = np.full((100, 90, 3), 127, np.uint8), np.full((100, 90), 9.0)
    rows, columns = np.s_[max(top, 0) : top + 70], np.s_[38:52]
    depth[rows, columns] = 5.0
    rgb[rows, columns] = trousers
    rgb[max(top, 0) : top + 12, columns] = (224, 172, 140)
    rgb[top + 12 : top + 34, columns] = shirt
    return rgb, depth, SceneObject(0, "person", "", 45 / 90, (top + 36) / 100, 5.0, 0.1)


def test_somebody_is_told_by_shirt_and_trousers_and_has_a_face():
    rgb, depth, item = person_in((64, 204, 190), (22, 32, 92))
    look = look_of(item, rgb, depth, (200.0, 200.0))
    said = said_of([(item, look)])
    assert "woman in the turquoise shirt" in said and "guy in the navy trousers" in said
    row = said["her face"].y * 100
    assert 10 <= row < 22  # on the skin


def test_of_two_people_only_what_one_alone_wears_tells_them_apart():
    rgb, depth, item = person_in((64, 204, 190), (22, 32, 92))
    one = look_of(item, rgb, depth, (200.0, 200.0))
    other = look_of(item, *person_in((200, 30, 35), (22, 32, 92))[:2], (200.0, 200.0))
    said = said_of([(item, one), (item, other)])
    assert "man in the red jacket" in said and not any("trousers" in words for words in said)
    assert "her face" not in said


def test_somebody_whose_head_is_cut_off_has_neither_clothes_nor_face():
    rgb, depth, item = person_in((64, 204, 190), (22, 32, 92), top=-10)
    look = look_of(item, rgb, depth, (200.0, 200.0))
    assert look.top is look.bottom is look.face is None


def head_of(above: tuple, hat: bool) -> tuple[np.ndarray, np.ndarray, SceneObject]:
    """The figure with a head that is narrower than its shoulders, covered by something of the colour `above`."""
    rgb, depth, item = person_in((64, 204, 190), (22, 32, 92))
    depth[10:22, 38:41] = depth[10:22, 49:52] = 9.0
    rgb[10:15, 41:49] = above
    if hat:
        depth[15, 38:52], rgb[15, 38:52] = 5.0, above
    return rgb, depth, item


def test_somebody_is_told_by_a_hat_which_has_a_brim_and_else_by_the_hair():
    for hat, words, not_said in ((True, "lady in the dark red hat", "hair"), (False, "lady with dark red hair", "hat")):
        rgb, depth, item = head_of((110, 22, 32), hat)
        said = said_of([(item, look_of(item, rgb, depth, (200.0, 200.0)))])
        assert said[words] == item and not any(not_said in phrase for phrase in said)
        assert not hat or 10 <= said["her hat"].y * 100 < 16


def test_the_one_with_the_hat_is_the_only_one_with_any():
    rgb, depth, item = head_of((110, 22, 32), True)
    covered = look_of(item, rgb, depth, (200.0, 200.0))
    bare = look_of(item, *head_of((110, 22, 32), False)[:2], (200.0, 200.0))
    assert said_of([(item, covered), (item, bare)])["man with the hat"] is item
    assert "man with the hat" not in said_of([(item, covered), (item, covered)])
    unseen = attrs.evolve(bare, face=None, crown=None)
    assert "man with the hat" not in said_of([(item, covered), (item, unseen)])


def test_a_crop_moves_hat_and_face_alike():
    look = Look(None, face=-0.2, hat=-0.3)
    assert look.scaled(2.0) == Look(None, face=-0.4, hat=-0.6) and _NOTHING.scaled(2.0) == _NOTHING
