"""What words say of when: seconds and frames, changes of speed, crash zooms; and that takes keep to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.predictor import Constraints
from dollygrip_backend.predictor.plan import Phase, read_plan
from dollygrip_backend.predictor.timing import spread_over, timed

GREY = np.full((64, 96, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("prompt", "shares"),
    [
        ("zoom in at the end", [0.6, 0.4]),
        ("in the second half of the shot, zoom in", [0.5, 0.5]),
        ("zoom in on her in the last second", [0.7, 0.3]),
        ("hold still and zoom in in the last 12 frames", [0.85, 0.15]),
        ("zoom in in the final half a second", [0.85, 0.15]),
        ("halfway through, zoom in", [0.5, 0.5]),
        ("zoom in halfway through the gate", [1.0]),
        ("zoom in on the house at the end of the street", [1.0]),
        ("zoom in and stop at the end", [1.0]),
    ],
)
def test_a_move_takes_its_part_of_the_shot(prompt, shares):
    plan = spread_over(timed(read_plan("zoom_in"), prompt), 81, 10 / 3)
    assert np.allclose([phase.share for phase in plan.phases], shares)
    assert [bool(phase.moves) for phase in plan.phases] == [False] * (len(shares) - 1) + [True]


@pytest.mark.parametrize(
    ("plan", "prompt", "said"),
    [
        ("pause > zoom_in", "wait two seconds then zoom in", "pause for 2 s > zoom_in"),
        ("pause > pan_left", "hold on the empty chair for a second, then pan left", "pause for 1 s > pan_left"),
        ("pause > pan_left", "after 1.5 seconds pan left", "pause for 1.5 s > pan_left"),
        (
            "dolly_in > pause > dolly_out",
            "push in, give it a second, pull back",
            "dolly_in > pause for 1 s > dolly_out",
        ),
        ("zoom_in > pause > zoom_out", "zoom in, hold for 24 frames, out", "zoom_in > pause for 24 frames > zoom_out"),
        ("pan_left > tilt_up", "pan left for 2 seconds, then tilt up", "pan_left for 2 s > tilt_up"),
        (
            "pan_left > tilt_up",
            "pan left, then a half-second tilt up over 12 frames",
            "pan_left > tilt_up for 12 frames",
        ),
        (
            "pan_left > pause > pan_right",
            "pan left 1 s, pause 2 s, pan right",
            "pan_left for 1 s > pause for 2 s > pan_right",
        ),
        ("dolly_in", "push in over half a second", "dolly_in for 0.5 s"),
        ("dolly_in", "a 2-second push in", "dolly_in for 2 s"),
        ("dolly_in", "a 5 second shot, push in", "dolly_in"),
        ("pan_left > pan_right", "pan left, then a second pan to the right", "pan_left > pan_right"),
        ("static", "hold for five seconds", "static"),
        ("pause > zoom_in", "leave the lens for a second, then squeeze it", "pause for 1 s > zoom_in"),
        ("pedestal_up", "they leave in ones and twos, the crane goes up", "pedestal_up"),
        (
            "orbit > pause > zoom_in",
            "round it 1.5 s, dwell 0.5 s, zoom 1 s",
            "orbit_either for 1.5 s > pause for 0.5 s > zoom_in for 1 s",
        ),
        ("pan_left > tilt_up", "a second of panning, two seconds of tilting", "pan_left for 1 s > tilt_up for 2 s"),
        ("dolly_in", "push in, 2 s", "dolly_in"),
        ("pan_left > tilt_down", "0-2 s pan left, 2-5 s look down", "pan_left for 2 s > tilt_down for 3 s"),
        ("dolly_in > pan_right", "4s-7s: pan right. 0s-4s: push in", "dolly_in for 4 s > pan_right for 3 s"),
        ("pan_left > pedestal_down", "sink to their height second, pan left first", "pan_left > pedestal_down"),
        ("pan_left > zoom_in", "1950s film, pan left, then zoom", "pan_left > zoom_in"),
        ("pan_right", "after 2 seconds pan right", "pause for 2 s > pan_right"),
        ("pan_right", "at the 2 second mark, pan right", "pause for 2 s > pan_right"),
        ("pan_right", "from frame 40 pan right", "pause for 40 frames > pan_right"),
        ("pan_right", "from frame 0 pan right", "pan_right"),
        ("pan_right", "after 0 seconds pan right", "pan_right"),
        ("pan_right", "pan right in the last 0 frames", "pan_right"),
        ("dolly_in > pause", "push in, hold for 2-3 seconds", "dolly_in > pause for 3 s"),
        (
            "dolly_in > pause > pan_left",
            "push in for four seconds, hold, then pan left",
            "dolly_in for 4 s > pause > pan_left",
        ),
    ],
)
def test_words_say_when(plan, prompt, said):
    assert str(timed(read_plan(plan), prompt)) == said


@given(st.text(max_size=80), st.sampled_from(["pause > pan_left", "dolly_in > pan_left", "static", "zoom_in @fast"]))
def test_any_text_leaves_the_moves_alone(text, notation):
    plan = read_plan(notation)
    heard = timed(plan, text)
    assert [phase.moves for phase in heard.phases] == [phase.moves for phase in plan.phases]


@given(st.lists(st.one_of(st.none(), st.floats(0.05, 9)), min_size=1, max_size=4), st.integers(2, 400))
def test_what_lasts_as_long_as_is_said_does_so_where_it_can(seconds, frames):
    said = ", ".join("pan left" if s is None else f"pan left for {s:.2f} s" for s in seconds)
    plan = read_plan(" > ".join(["pan_left"] * len(seconds)))
    heard = timed(plan, said)
    duration = (frames - 1) / 24
    shot = spread_over(heard, frames, duration)
    if not any(phase.lasts for phase in heard.phases):
        assert shot == heard
        return
    assert sum(phase.share for phase in shot.phases) == pytest.approx(1)
    assert all(phase.share > 0 for phase in shot.phases)
    lasting = [phase for phase in shot.phases if phase.lasts]
    fits = sum(phase.lasts.value for phase in lasting) <= duration * (1 - 0.2 * (len(heard.phases) - len(lasting)))
    ratios = [phase.share * duration / phase.lasts.value for phase in lasting]
    assert np.allclose(ratios, 1 if fits else ratios[0])
    assert len(shot.phases) == len(heard.phases) or shot.phases[-1].moves == Phase(()).moves


def test_a_single_frame_has_no_time_to_share():
    plan = timed(read_plan("pause > pan_left"), "hold for 2 frames, then pan left")
    assert plan.phases[0].lasts and spread_over(plan, 1, 0.0) == plan


def test_a_take_waits_as_long_as_it_is_told(speed_of):
    speed = speed_of("wait two seconds, then pan left", 0)
    assert speed[:48].max() < 1e-9 < speed[52:70].min()


def test_a_drawn_path_is_walked_faster_and_faster(shipped):
    path = np.linspace([0, 0, 0], [0.2, 0, 0.6], 20)
    [take] = shipped(GREY, "dolly in, accelerating", constraints=Constraints(path=path))
    speed = np.linalg.norm(np.diff(take.positions, axis=0), axis=1)
    assert speed[-30:].sum() > 2 * speed[:30].sum()
