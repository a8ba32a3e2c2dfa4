"""Dolly zooms by their look."""

import pytest

from dollygrip_backend.predictor.plan import read_plan
from dollygrip_backend.predictor.vertigo import looked


@pytest.mark.parametrize(
    "prompt, plan",
    [
        ("She stays the same size while the wall behind her rushes up close", "dolly_zoom_out"),
        ("the hut keeps its size and the background swells up", "dolly_zoom_out"),
        ("everything behind him stretches away into the distance, he remains as large as he is", "dolly_zoom_in"),
        ("his face is the same size but the room recedes", "dolly_zoom_in"),
        ("the camera backs off, the lens closes in: same size, the wall behind comes closer", "dolly_in"),
        ("keep the boat the same size in frame", "dolly_in"),
        ("the crowd behind him moves away", "dolly_in"),
        ("the wall comes closer and the room falls away, the vase has the same size", "dolly_in"),
    ],
)
def test_what_lies_behind_a_thing_that_keeps_its_size_tells_the_way(prompt, plan):
    assert str(looked(read_plan("dolly_in"), prompt)) == plan


def test_the_tempo_stays_and_shots_of_several_moves_in_order_are_left_alone():
    prompt = "the vase stays the same size while the wall behind it swells up"
    assert str(looked(read_plan("dolly_in @slow"), prompt)) == "dolly_zoom_out @slow"
    assert str(looked(read_plan("pan_left > dolly_in"), prompt)) == "pan_left > dolly_in"
