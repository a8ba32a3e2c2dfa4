"""Grounding: places are read right from the logits' grid, pictures become planes, training targets lie on things."""

from contextlib import nullcontext
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn.functional import avg_pool2d, pad

from dollygrip_backend.data.descriptions import Look
from dollygrip_backend.data.objects import SceneObject
from dollygrip_backend.predictor.grounding import Found, Grounding, found_in
from dollygrip_backend.predictor.looks import COLUMNS, ROWS, STRIDE, picture_planes, rgb_of
from dollygrip_backend.training.grounding import View, _around, _cropped, draw_views


def place_of(probability):
    return found_in(probability, 2.0).place


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_a_bell_about_a_place_is_found_there(x, y):
    probability = torch.cat([torch.zeros(1), torch.from_numpy(_around(x, y))])
    found = place_of(probability)
    assert found == (pytest.approx(x, abs=0.5 / COLUMNS), pytest.approx(y, abs=0.5 / ROWS))
    assert place_of(torch.cat([torch.tensor([0.5]), probability[1:] / 2])) == pytest.approx(found)
    assert place_of(torch.cat([torch.tensor([0.98]), probability[1:] / 50])) is None
    assert place_of(torch.full_like(probability, 1 / len(probability))) is None


def test_what_is_hardly_named_but_clearly_there_has_a_distance_and_no_turn():
    there = torch.cat([torch.tensor([0.2]), 0.8 * torch.from_numpy(_around(0.3, 0.7))])
    unlikely = torch.cat([torch.tensor([0.6]), there[1:] / 2])
    assert found_in(there, 2.0).meant and found_in(unlikely, 2.0).meant
    assert found_in(there, -2.0).place == place_of(there) and not found_in(there, -2.0).meant
    assert found_in(unlikely, -2.0).place is found_in(there, -3.5).place is None


def test_what_is_named_but_nowhere_clearly_has_likely_places_alone():
    scattered = torch.rand(1 + ROWS * COLUMNS, generator=torch.Generator().manual_seed(1)).softmax(-1)
    found = found_in(scattered, 2.0)
    assert found.place is None and not found.meant
    np.testing.assert_array_equal(found.perhaps.ravel(), scattered[1:].numpy())
    assert found_in(scattered, -3.0).perhaps is None and found_in(scattered, -5.0) is None


@given(st.floats(0.02, 0.98), st.floats(0.1, 0.9))
def test_the_side_of_a_thing_is_told_where_it_is_likely_enough(x, away):
    bell = _around(x, 0.5).reshape(ROWS, COLUMNS)
    likely = (1 - away) * bell + away * (bell + bell[:, ::-1]) / 2  # as likely on either side
    right = likely[:, COLUMNS // 2 :].sum()
    assume(min(abs(right - 0.4), abs(right - 0.6)) > 1e-6)  # where rounding decides
    side = Found(None, 2.0, likely).side
    assert side == (None if 0.4 < right < 0.6 else "right" if x > 0.5 else "left")
    assert Found((x, 0.5)).side is Found(None, 2.0, np.zeros((ROWS, COLUMNS))).side is None


def test_planes_are_colours_disparity_and_whether_there_is_a_depth():
    image = np.zeros((50, 70, 3), np.uint8)
    image[:, 35:] = 255
    depth = np.full((50, 70), 4.0)
    depth[:25] = np.inf
    depth[40:] = 2.0
    planes = picture_planes(image, depth)
    assert planes.shape == (15, 8 * ROWS, 8 * COLUMNS)
    assert planes[0, 5, 0] == pytest.approx(-1) and planes[0, 5, -1] == pytest.approx(1)
    assert planes[3, 0, 0] == 0 and planes[3, -1, 0] == pytest.approx(2) and torch.all(planes[4] == 1)
    assert torch.all(picture_planes(image, None)[3:5] == 0)


@given(st.integers(0, 2**31))
@settings(deadline=None, max_examples=50)
def test_a_cropped_view_still_knows_where_its_things_are_and_on_which_side(seed):
    rgb, depth = np.zeros((64, 96, 3), np.uint8), np.ones((64, 96), np.float16)
    rgb[38:42, 70:75], rgb[38:42, 30:35] = 255, 100
    bright = SceneObject(0, "ball", "white", 72.5 / 96, 40 / 64, 1.0, 0.01)
    dim = SceneObject(0, "ball", "grey", 32.5 / 96, 40 / 64, 1.0, 0.01)
    things = [(bright, Look(None)), (dim, Look(None))]
    view = View(rgb, depth, [(("white ball", "white globe"), bright)], things, frozenset({"ball"}))
    crop, _, places = _cropped(view, np.random.default_rng(seed))
    for _, (x, y) in places:
        lit = np.argwhere(crop[..., 0] == crop[int(y * len(crop)), int(x * crop.shape[1]), 0])
        if len(lit) == 20:
            np.testing.assert_allclose([y * len(crop), x * crop.shape[1]], lit.mean(0) + 0.5, atol=1e-6)
    where = {words[0]: x for words, (x, _) in places}
    both = {255, 100} <= set(np.unique(crop))
    if both and "ball on the left" in where and "ball on the right" in where:
        assert where["ball on the left"] < where["ball on the right"]
    assert all(x < 0.5 for words, x in where.items() if words == "ball on the left" and not both)


@given(st.integers(0, 2**31))
@settings(deadline=None, max_examples=20)
def test_only_phrases_that_are_known_are_asked(seed):
    """A crop may say of a thing what no whole view says, in words of which some are said elsewhere."""
    rgb, depth = np.zeros((64, 96, 3), np.uint8), np.ones((64, 96), np.float16)
    ball = SceneObject(0, "ball", "white", 0.5, 0.5, 1.0, 0.01)
    view = View(rgb, depth, [(("white ball", "never said"), ball)], [(ball, Look(None))], frozenset({"ball"}))
    views, known = SimpleNamespace(views=[view]), SimpleNamespace(words=["white ball", "red sofa"])
    config = SimpleNamespace(batch=2, phrases=3, absent=0.3)
    _, asked, targets = draw_views(views, known, config, np.random.default_rng(seed))
    assert asked.shape == (2, 3) and targets.shape == (2, 3, 1 + ROWS * COLUMNS)
    assert torch.equal(targets[..., 0] == 0, asked == 0)  # the ball is in the picture, the sofa is not


def test_an_untrained_network_answers_in_the_right_shape_even_without_words(text_of, picture_features):
    network = Grounding(width=32, heads=2, depth=1).eval()
    with torch.inference_mode():
        text = text_of(["go to the red door", " "])
        subject = torch.full((2, 1 + text.mask.shape[1]), -1e4)
        subject[0, 4:], subject[1, 0] = 3.0, 0.0
        named = network.name(text, subject)
        seen = network.look_at(np.zeros((90, 120, 3), np.uint8), None, picture_features)
        logits = network.compare(seen.cells, seen.absent, named.phrase[None])
    assert logits.shape == (1, 2, 1 + ROWS * COLUMNS) and torch.isfinite(logits).all()
    assert (named.something > 0).tolist() == [True, False]
    torch.testing.assert_close(named.picked[0], torch.tensor([0.0, 0.0, 0.0, 0.5, 0.5]))


class Watching(Grounding):
    """Its cells are the mean colours that they cover and five ones."""

    def see(self, picture, features):
        cells = pad(avg_pool2d(rgb_of(picture), STRIDE), (0, 0, 0, 0, 0, 5), value=1.0).flatten(2).mT
        return cells, cells.mean(1)


@given(st.integers(64, 900), st.integers(64, 900))
@settings(deadline=None, max_examples=20)
def test_every_look_puts_what_it_sees_where_it_is(width, height):
    y, x = np.mgrid[0:height, 0:width]
    planes = [x / width, y / height, np.abs(x / width - 0.5) * 2]
    image = (255 * np.stack(planes, -1)).astype(np.uint8)
    unread = Mock(kinds_in=lambda picture: torch.zeros(1, 1, ROWS, COLUMNS))
    with torch.inference_mode():
        seen = Watching(width=8, heads=1, depth=1).look_at(image, None, unread)
    rows, columns = (np.mgrid[0:ROWS, 0:COLUMNS] + 0.5) / np.array([ROWS, COLUMNS])[:, None, None]
    true = torch.from_numpy(np.stack([columns, rows, np.abs(columns - 0.5) * 2, *[np.ones_like(rows)] * 5], -1)).float()
    torch.testing.assert_close(seen.cells[0].unflatten(0, (ROWS, COLUMNS)), true, rtol=0, atol=0.04)
    torch.testing.assert_close(seen.absent[0], true.flatten(0, 1).mean(0), rtol=0, atol=0.02)


def test_a_mirrored_picture_shows_the_same_things_on_the_other_side(picture_features, monkeypatch):
    monkeypatch.setattr("dollygrip_backend.predictor.grounding.autocast", lambda device: nullcontext())  # all digits
    network = Grounding(width=32, heads=2, depth=1).eval()
    rng = np.random.default_rng(3)
    image, depth = rng.integers(0, 256, (96, 144, 3), np.uint8), rng.uniform(1, 9, (96, 144))
    picture = picture_planes(image, depth)[None]
    with torch.inference_mode():
        seen = network.look_at(image, depth, picture_features)
        mirrored = network.look_at(image[:, ::-1], depth[:, ::-1], picture_features)
        one_way, _ = network.see(picture, picture_features(rgb_of(picture)))
    assert seen.cells.shape == (1, ROWS * COLUMNS, 32) and seen.absent.shape == (1, 32)
    flipped = mirrored.cells.unflatten(1, (ROWS, COLUMNS)).flip(2).flatten(1, 2)
    torch.testing.assert_close(seen.cells, flipped, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.absent, mirrored.absent, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.colours, mirrored.colours.flip(2))
    assert not torch.allclose(seen.cells, one_way)


def test_a_thing_far_aside_must_be_surer_than_one_near_the_middle():
    away = torch.full((1 + ROWS * COLUMNS,), 0.5 / (ROWS * COLUMNS))
    near, aside = (away + torch.cat([torch.zeros(1), 0.5 * torch.from_numpy(_around(x, 0.5))]) for x in (0.45, 0.9))
    assert found_in(near, 2.0).meant
    assert found_in(aside, 2.0).place[0] > 0.7 and not found_in(aside, 2.0).meant
    assert found_in(aside, 2.0, coloured=True).meant and not found_in(near, 2.0, way=True).meant
    surer = 0.3 * away + 0.85 * torch.cat([torch.zeros(1), torch.from_numpy(_around(0.9, 0.5))])
    assert found_in(surer, 2.0).meant
