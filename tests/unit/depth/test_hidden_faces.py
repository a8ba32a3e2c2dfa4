"""Where the faces are of people whose bodies are seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.scene.faces import Face
from dollygrip_backend.scene.hidden_faces import bodies_among, body_of, hidden_faces
from dollygrip_backend.scene.things import PERSON, Thing


@given(st.floats(0.1, 0.9), st.floats(0.02, 0.3), st.floats(0.4, 0.6), st.floats(0.61, 0.99))
def test_a_body_without_a_face_has_it_at_its_upper_end(x, top, tall, likelihood):
    box = x - 0.08, top, x + 0.08, top + tall
    [face] = hidden_faces([Thing(PERSON, likelihood, box)], [])
    assert face.middle[0] == pytest.approx(x) and face.likelihood == likelihood
    assert top < face.box[1] < face.middle[1] < top + tall / 4
    assert all(face.box[0] < px < face.box[2] and face.box[1] < py < face.box[3] for px, py in face.points)
    assert hidden_faces([Thing(PERSON, likelihood, box)], [Face(face.box, face.points)]) == []
    aside = Face((x + 0.1, 0, x + 0.2, 0.1), face.points)
    assert [face.box for face in hidden_faces([Thing(PERSON, likelihood, box)], [aside])] == [face.box]


def test_what_is_hardly_a_person_or_something_else_has_no_face():
    box = 0.4, 0.1, 0.6, 0.9
    assert hidden_faces([Thing(PERSON, 0.5, box), Thing(PERSON + 1, 0.9, box)], []) == []


def test_a_face_is_that_of_the_body_whose_head_is_nearest():
    """Of two, one before the other, the box of the nearer holds the face of the farther, too."""
    behind, before = Thing(PERSON, 0.8, (0.3, 0.2, 0.5, 0.8)), Thing(PERSON, 0.8, (0.35, 0.18, 0.7, 1.0))
    face = Face((0.38, 0.22, 0.42, 0.28), np.full((5, 2), 0.4))
    assert body_of(face, [before, behind]) is behind and body_of(face, []) is None
    [hidden] = hidden_faces([before, behind], [face])
    assert hidden.middle[0] == pytest.approx(before.middle[0])
    assert bodies_among([before, Thing(PERSON, 0.5, behind.box)]) == [before]
