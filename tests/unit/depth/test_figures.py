"""People cut out of pictures, and put upright in the depth."""

from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from drawn_people import DrawnPerson, picture_of
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dollygrip_backend.files import read_image
from dollygrip_backend.scene.cutting import cut_out
from dollygrip_backend.scene.depth import DepthEstimator
from dollygrip_backend.scene.faces import Face
from dollygrip_backend.scene.figures import Figure, standing
from dollygrip_backend.scene.silhouettes import SilhouetteNetwork
from dollygrip_backend.scene.things import PERSON, Thing, ThingDetector

PICTURES = Path(__file__).parents[2] / "data" / "pictures"
WALL = (120, 140, 120)
BLUE, RED = (60, 80, 140), (190, 40, 40)


def face_of(person: DrawnPerson, size=(480, 320)) -> Face:
    left, top = np.divide(person.at(-0.37, -0.44), size)
    right, bottom = np.divide(person.at(0.37, 0.54), size)
    return Face((left, top, right, bottom), person.points / size)


def drawn(person: DrawnPerson, size=(480, 320)) -> np.ndarray:
    """bool (H, W): the pixels that show a person who stands alone."""
    return np.abs(np.int16(picture_of(person, size=size)) - WALL).max(-1) > 24


def overlap(figure: Figure, true: np.ndarray) -> float:
    there = np.array(Image.fromarray(figure.mask).resize(true.shape[::-1], Image.Resampling.NEAREST))
    return (there & true).sum() / (there | true).sum()


def nobody(part: np.ndarray) -> np.ndarray:
    """What a network of silhouettes says of people that it does not know."""
    return np.zeros(part.shape[:2], np.float32)


def unlike_the_wall(part: np.ndarray) -> np.ndarray:
    """What a perfect network of silhouettes would say of drawn people."""
    return np.float32(np.abs(np.int16(part) - WALL).max(-1) > 24)


def body_of(person: DrawnPerson, size=(480, 320), likelihood: float = 0.8) -> Thing:
    rows, columns = np.nonzero(drawn(person, size))
    left, right, top, bottom = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
    return Thing(PERSON, likelihood, (left / size[0], top / size[1], right / size[0], bottom / size[1]))


@pytest.mark.parametrize("size", [(480, 320), (320, 480), (1600, 900)])
@pytest.mark.parametrize("x, y, height", [(0.5, 0.4, 0.3), (0.25, 0.35, 0.2), (0.9, 0.3, 0.12)])
def test_a_figure_is_cut_out_as_it_is_drawn(size, x, y, height):
    person = DrawnPerson((round(x * size[0]), round(y * size[1])), round(height * min(size)))
    face = face_of(person, size)
    [figure] = cut_out(picture_of(person, size=size), [face], [], nobody)
    assert overlap(figure, drawn(person, size)) > 0.86  # it has a rim
    assert figure.face == face.height and max(figure.mask.shape) == 256


def test_each_of_several_is_a_figure_of_his_own():
    people = [DrawnPerson((120, 110), 80, RED), DrawnPerson((330, 120), 70, BLUE)]
    first, second = cut_out(picture_of(*people), [face_of(person) for person in people], [], nobody)
    assert not (first.mask & second.mask).any()
    assert overlap(first, drawn(people[0])) > 0.86 and overlap(second, drawn(people[1])) > 0.86


@given(
    x=st.floats(-0.2, 1.2),
    y=st.floats(-0.2, 1.2),
    high=st.floats(0.02, 1.5),
    shape=st.floats(0.4, 1.2),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_wherever_a_face_is_said_to_be_something_may_be_cut_out(x, y, high, shape, seed):
    image = np.random.default_rng(seed).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    wide = shape * high
    face = Face((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), np.zeros((5, 2)))
    for figure in cut_out(image, [face], [], nobody):
        assert figure.mask.shape == (40, 64) and figure.mask.any()


def test_what_may_be_no_face_has_no_figure():
    person = DrawnPerson((240, 110), 100)
    assert cut_out(picture_of(person), [attrs.evolve(face_of(person), likelihood=0.9)], [], nobody) == []


@pytest.mark.parametrize("size", [(480, 320), (320, 480)])
@pytest.mark.parametrize("x, y, height", [(0.5, 0.4, 0.3), (0.25, 0.35, 0.2), (0.9, 0.3, 0.12)])
def test_one_whose_face_is_hidden_is_cut_out_by_silhouette(size, x, y, height):
    person = DrawnPerson((round(x * size[0]), round(y * size[1])), round(height * min(size)))
    image, body = picture_of(person, size=size), body_of(person, size)
    [figure] = cut_out(image, [], [body], unlike_the_wall)
    assert overlap(figure, drawn(person, size)) > 0.86 and figure.face is None
    assert cut_out(image, [], [body], nobody) == []
    assert cut_out(image, [], [attrs.evolve(body, likelihood=0.5)], unlike_the_wall) == []
    [known] = cut_out(image, [face_of(person, size)], [body], unlike_the_wall)
    assert overlap(known, drawn(person, size)) > 0.86 and known.face == face_of(person, size).height


def test_a_silhouette_that_goes_on_beyond_its_part_is_looked_for_in_a_larger_one():
    person, size = DrawnPerson((240, 60), 60), (480, 320)
    body = body_of(person, size)
    left, top, right, _ = body.box
    half = attrs.evolve(body, box=(left, top, right, top + 0.6))
    [figure] = cut_out(picture_of(person, size=size), [], [half], unlike_the_wall)
    assert overlap(figure, drawn(person, size)) > 0.86


def test_two_whose_faces_are_hidden_share_no_pixel():
    people = [DrawnPerson((150, 110), 80, RED), DrawnPerson((270, 120), 80, BLUE)]
    image, bodies = picture_of(*people), [body_of(person) for person in people]
    first, second = cut_out(image, [], bodies, unlike_the_wall)
    assert not (first.mask & second.mask).any()
    middles = sorted(np.nonzero(figure.mask)[1].mean() / figure.mask.shape[1] for figure in (first, second))
    assert middles == pytest.approx([150 / 480, 270 / 480], abs=0.06)


def test_who_shows_no_face_is_found_and_cut_out_of_a_render():
    picture = read_image(PICTURES / "gravel.jpg")
    [figure] = cut_out(picture, [], ThingDetector.load().find(picture), SilhouetteNetwork.load().likely)
    rows, columns = np.nonzero(figure.mask)
    borders = columns.min() / 256, rows.min() / len(figure.mask), columns.max() / 256, rows.max() / len(figure.mask)
    assert borders == pytest.approx((0.38, 0.06, 0.59, 0.95), abs=0.04)


def figure_at(columns: slice, face: float | None, rows: slice = slice(20, 60)) -> Figure:
    mask = np.zeros((60, 100), bool)
    mask[rows, columns] = True
    return Figure(mask, face)


def torn(*figures: Figure) -> torch.Tensor:
    """Log depth (60, 100) of a wall at 6 m, and of figures at 2 m that are torn apart and blurred into it."""
    depth = torch.full((60, 100), 6.0)
    for figure in figures:
        depth[torch.from_numpy(figure.mask)] = 2.0
        columns = np.flatnonzero(figure.mask.any(0))
        depth[20:60, columns[0] - 2 : columns[0]] = 2.2  # the wall beside it
        depth[20:28, columns[:4]] = 5.0  # a shoulder
    return depth.log()


def test_a_figure_stands_in_one_piece_before_all_of_its_wall():
    figure, ground = figure_at(slice(40, 60), 0.2), torch.ones(60, 100, dtype=torch.bool)
    ground[20:24, 40:44] = False  # taken for sky
    depth, after = standing(torn(figure), ground, [figure])
    mask = torch.from_numpy(figure.mask)
    assert depth[mask].exp().numpy() == pytest.approx(2.0, rel=1e-5)
    assert depth[~mask].exp().numpy() == pytest.approx(6.0, rel=0.02)
    assert after[mask].all() and bool((after == (ground | mask)).all())


@given(near=st.floats(0.1, 0.4), far=st.floats(0.1, 0.4))
def test_one_whose_face_is_half_as_high_stands_twice_as_far(near, far):
    figures = [figure_at(slice(10, 30), near), figure_at(slice(60, 80), far)]
    depth, _ = standing(torn(*figures), torch.ones(60, 100, dtype=torch.bool), figures)
    first, second = (depth[torch.from_numpy(figure.mask)] for figure in figures)
    assert float(second[0] - first[0]) == pytest.approx(np.log(near / far), abs=1e-5)
    assert float(second[0] + first[0]) == pytest.approx(2 * np.log(2.0), abs=1e-5)


def test_one_whose_face_is_not_seen_stands_at_its_own_depth():
    figures = [figure_at(slice(10, 30), 0.2), figure_at(slice(60, 80), None)]
    map_ = torn(*figures)
    map_[torch.from_numpy(figures[1].mask)] += np.log(1.5)
    depth, _ = standing(map_, torch.ones(60, 100, dtype=torch.bool), figures)
    first, second = (depth[torch.from_numpy(figure.mask)].exp().numpy() for figure in figures)
    assert first == pytest.approx(2.0, rel=1e-5) and second == pytest.approx(3.0, rel=1e-5)
    alone, _ = standing(map_, torch.ones(60, 100, dtype=torch.bool), figures[1:])
    assert alone[torch.from_numpy(figures[1].mask)].exp().numpy() == pytest.approx(3.0, rel=1e-5)


def test_what_stands_before_a_figure_stays_there():
    figure = figure_at(slice(40, 60), 0.2, slice(20, 50))
    before = torn(figure)
    before[50:] = 0.0  # a table, at 1 m
    after, _ = standing(before, torch.ones(60, 100, dtype=torch.bool), [figure])
    assert (after[50:] == 0).all()


def test_where_nobody_is_seen_depth_stays_as_it_is():
    depth, ground = torch.randn(20, 30), torch.rand(20, 30) > 0.3
    after, seen = standing(depth, ground, [])
    assert after is depth and seen is ground


def test_people_in_a_picture_stand_in_one_piece():
    person = DrawnPerson((312, 144), 96)
    depth = DepthEstimator.load().estimate(picture_of(person)).depth
    inner = [
        tuple(round(c) for c in person.at(*place)) for place in ((0, 0), (0, -0.5), (0, 0.7), (-0.5, 1.8), (0.5, 1.8))
    ]
    found = [depth[y, x] for x, y in inner]
    assert max(found) / min(found) < 1.01
