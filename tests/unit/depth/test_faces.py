"""The face detector: the published weights, and faces where they are drawn."""

import numpy as np
import pytest
import torch
from drawn_people import DrawnPerson, picture_of

from dollygrip_backend.scene.faces import WEIGHTS, FaceDetector
from dollygrip_backend.training.faces import package_folder, published


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector.load()


def test_the_weights_are_those_of_the_package(detector):
    made, shipped = published(package_folder()).state_dict(), detector.state_dict()
    assert made.keys() == shipped.keys()
    assert all(torch.equal(values.half().float(), shipped[name]) for name, values in made.items())


@pytest.mark.parametrize("size", [(480, 320), (320, 480), (1600, 900), (240, 240)])
@pytest.mark.parametrize("x, y, height", [(0.5, 0.4, 0.4), (0.35, 0.35, 0.25), (0.65, 0.45, 0.3), (0.5, 0.3, 0.2)])
def test_a_face_is_found_where_it_is_drawn(detector, size, x, y, height):
    person = DrawnPerson((round(x * size[0]), round(y * size[1])), round(height * min(size)))
    [face] = detector.find(picture_of(person, size=size))
    off = np.abs(face.points * size - person.points)
    assert off.max() < 0.12 * person.height
    assert np.abs(np.array(face.middle) * size - person.middle).max() < 0.12 * person.height
    assert face.height * size[1] == pytest.approx(person.height, rel=0.25)


def test_several_faces_come_the_largest_first(detector):
    people = [DrawnPerson((80, 120), 70), DrawnPerson((240, 140), 120), DrawnPerson((400, 120), 90)]
    found = detector.find(picture_of(*people))
    assert [round(face.middle[0] * 480, -1) for face in found] == pytest.approx([240, 400, 80], abs=10)
    assert [face.height for face in found] == sorted((face.height for face in found), reverse=True)


@pytest.mark.parametrize("shape", [(16, 16, 3), (16, 400, 3), (900, 30, 3), (96, 160, 3), (1, 1, 3)])
def test_where_nobody_is_there_is_no_face(detector, shape):
    noise = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    for picture in (np.full(shape, 128, np.uint8), np.zeros(shape, np.uint8), noise):
        assert detector.find(picture) == []


def test_the_weights_are_small_and_say_whose_they_are():
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 1.2e6
    card = (WEIGHTS / "MODEL_CARD.md").read_text()
    assert all(word in card for word in ("MIT", "MTCNN", "WIDER FACE", "dollygrip_backend.training.faces"))
    assert "Permission is hereby granted" in (WEIGHTS / "LICENSE").read_text()
