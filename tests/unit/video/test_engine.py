"""The engines' registry and the check of a shot before it is rendered."""

import subprocess
import sys
import timeit

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import smooth_trajectories

from dollygrip.errors import InputError
from dollygrip.trajectory import Trajectory
from dollygrip_backend.video import (
    Shot,
    SizeRule,
    check_form,
    check_shot,
    check_values,
    engine_info,
    engine_names,
    load_engine,
    render_rest,
)
from dollygrip_backend.video.engine import starts_at_reference

INFO = engine_info("embedded")


def shot(frames: int = 3, **changes) -> Shot:
    camera = Trajectory(
        np.tile(np.eye(4), (frames, 1, 1)), np.tile([120.0, 120, 64, 40], (frames, 1)), (128, 80), fps=24.0
    )
    return attrs.evolve(Shot(np.zeros((50, 80, 3), np.uint8), "a room", camera, (128, 80)), **changes)


def test_listing_engines_loads_no_torch():
    code = (
        "import sys; from dollygrip_backend.video import engine_info, engine_names; "
        "print([engine_info(n).name for n in engine_names()], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{engine_names()} False"


def test_auto_is_an_engine_and_unknown_names_are_refused_with_the_known_ones():
    assert engine_info("auto").available
    with pytest.raises(InputError, match="embedded"):
        engine_info("imax")
    with pytest.raises(InputError, match="embedded"):
        load_engine("imax")


class Counting:
    """Frames are their numbers."""

    def render(self, shot, progress=None):
        for number in range(len(shot.trajectory)):
            progress(number, len(shot.trajectory))
            yield number


class Resuming(Counting):
    def render(self, shot, progress=None, finished=()):
        return iter(["after", *finished])


def test_an_engine_that_cannot_go_on_makes_all_again_and_shows_only_the_rest():
    seen = []
    for finished in ([], [0, 1], [0, 1, 2]):
        rest = list(render_rest(Counting(), shot(), lambda done, total: seen.append(done), finished))
        assert finished + rest == [0, 1, 2]
    assert seen == [0, 1, 2] * 2, "a shot that is whole is not rendered"
    assert list(render_rest(Resuming(), shot(), None, [5, 6])) == ["after", 5, 6]


def test_a_legal_shot_passes():
    check_shot(shot(), INFO)
    depth = np.ones((50, 80), np.float32)
    depth[:10] = np.inf
    check_shot(shot(depth=depth), INFO)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"image": np.zeros((50, 80, 4), np.uint8)}, "8-bit RGB"),
        ({"image": np.zeros((50, 80, 3), np.float32)}, "8-bit RGB"),
        ({"size": (127, 80)}, "Use 128x80"),
        ({"size": (12800, 8000)}, "Use 1280x800"),
        ({"size": (32, 20)}, "Use 102x64"),
        ({"size": (0, 80)}, "cannot render 0x80"),
        ({"size": (0, 0)}, "cannot render 0x0"),
        ({"size": (-64, 0)}, "cannot render -64x0"),
        ({"size": (128, 128)}, "Use 128x80"),
        ({"depth": np.ones((50, 81), np.float32)}, "image's own size"),
        ({"depth": np.zeros((50, 80), np.float32)}, "not positive"),
        ({"depth": np.full((50, 80), np.nan, np.float32)}, "not positive"),
        ({"depth": np.full((50, 80), np.inf, np.float32)}, "infinite everywhere"),
    ],
)
def test_what_cannot_be_rendered_is_refused_with_the_way_out(changes, says):
    with pytest.raises(InputError) as caught:
        check_shot(shot(**changes), INFO)
    assert says in str(caught.value)
    assert caught.value.kind == "input" and caught.value.hint


DEEP = np.ones((3, 80, 128), np.float16)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"depth": np.zeros((50, 80), np.float32)}, "The depth has values that are not positive"),
        ({"depths": DEEP * np.array([1, -1, 1], np.float16)[:, None, None]}, "frame 1 has values"),
        ({"depths": DEEP * np.float16(np.nan)}, "frame 0 has values"),
        ({"depths": DEEP * np.float16(np.inf)}, "infinite everywhere"),
    ],
)
def test_values_are_looked_at_apart_from_the_form(changes, says):
    check_form(shot(**changes), INFO)
    for check in (check_values, lambda bad: check_shot(bad, INFO)):
        with pytest.raises(InputError, match=says):
            check(shot(**changes))


def test_frames_of_sky_alone_are_rendered_where_the_reference_has_a_surface():
    check_shot(shot(depth=np.ones((50, 80), np.float32), depths=DEEP * np.float16(np.inf)), INFO)


def test_frames_depth_without_the_reference_s_must_start_at_its_view():
    away = np.eye(4)
    away[0, 3] = 1.0
    camera = attrs.evolve(
        shot().trajectory, meta={"reference": {"c2w": away.tolist(), "intrinsics": [120.0, 120.0, 64.0, 40.0]}}
    )
    with pytest.raises(InputError, match="none for the reference image"):
        check_form(shot(trajectory=camera, depths=DEEP), INFO)


def test_the_form_of_a_large_shot_is_checked_without_a_look_at_its_values():
    """The server does that while others wait for an answer."""
    large = shot(image=np.zeros((4096, 4096, 3), np.uint8), depth=np.ones((4096, 4096), np.float32))
    form = timeit.repeat(lambda: check_form(large, INFO), number=1, repeat=3)
    values = timeit.repeat(lambda: check_values(large), number=1, repeat=3)
    assert min(form) < min(values) / 4


def test_too_many_frames_are_refused():
    with pytest.raises(InputError, match="at most 2000 frames, not 2001"):
        check_shot(shot(frames=2001), INFO)


@pytest.mark.parametrize(
    "reference",
    [
        {"c2w": 3},
        {"c2w": np.eye(4).tolist()},
        {"c2w": [[1.0]], "intrinsics": [1]},
        {"c2w": [[10**400]], "intrinsics": [1]},
        5,
        "c2w",
        ["c2w"],
    ],
)
def test_a_malformed_reference_view_is_refused(reference):
    bad = shot()
    bad = attrs.evolve(bad, trajectory=attrs.evolve(bad.trajectory, meta={"reference": reference}))
    with pytest.raises(InputError, match="reference"):
        check_shot(bad, INFO)


@given(smooth_trajectories(), smooth_trajectories(max_frames=2))
def test_a_camera_that_starts_at_its_reference_does_so_elsewhere_and_at_another_size(camera, other):
    reference = {"c2w": camera.c2w[0].tolist(), "intrinsics": camera.intrinsics[0].tolist()}
    away = {"c2w": other.c2w[1].tolist(), "intrinsics": camera.intrinsics[0].tolist()}
    for seen, starts in ((reference, True), (away, False)):
        camera = attrs.evolve(camera, meta={"reference": seen})
        for same in (camera, camera.relative(), camera.placed(other.c2w[0]), camera.resized((1024, 576))):
            assert starts_at_reference(same) == starts


@given(
    width=st.integers(1, 5000),
    height=st.integers(1, 5000),
    rule=st.builds(SizeRule, st.integers(1, 100), st.integers(400, 1300), st.sampled_from([1, 2, 8, 32])),
)
def test_the_proposed_size_is_legal_and_a_legal_size_is_its_own_proposal(width, height, rule):
    assert rule.allows(rule.nearest((width, height)))
    if rule.allows((width, height)):
        assert rule.nearest((width, height)) == (width, height)


@given(width=st.integers(100, 3000), aspect=st.floats(0.5, 2))
def test_the_proposed_size_keeps_the_aspect_within_rounding(width, aspect):
    near = INFO.sizes.nearest((width, round(width / aspect)))
    assert near[0] / near[1] == pytest.approx(aspect, rel=0.04)


def far(value):
    poses = np.tile(np.eye(4), (3, 1, 1))
    poses[2, 0, 3] = value
    return {"c2w": poses}


def lens(*values):
    return {"intrinsics": np.array([[120.0, 120, 64, 40], [120.0, 120, 64, 40], values])}


@pytest.mark.parametrize(
    ("camera", "says"),
    [
        (far(1e300), r"position of 1e\+300"),
        (far(-1e40), r"position of -1e\+40"),
        (lens(1e-300, 1e-300, 64, 40), "focal length of 1e-300"),
        (lens(1e300, 1e300, 64, 40), r"focal length of 1e\+300"),
        (lens(120, 120, -1e200, 40), r"lens centre of -1e\+200"),
        ({"scene_depth": 1e-60}, "scene depth of 1e-60"),
        ({"meta": {"reference": {"c2w": far(1e99)["c2w"][2].tolist(), "intrinsics": [120, 120, 64, 40]}}}, "position"),
    ],
)
def test_cameras_beyond_single_precision_are_refused_in_a_sentence(camera, says):
    asked = shot()
    with pytest.raises(InputError, match=says) as caught:
        check_form(attrs.evolve(asked, trajectory=attrs.evolve(asked.trajectory, **camera)), INFO)
    assert "unit" in caught.value.hint


@pytest.mark.parametrize("camera", [far(1e12), lens(1e-12, 1e12, -1e12, 1e12), {"scene_depth": 1e12}])
def test_the_engine_computes_with_the_largest_and_smallest_numbers_that_are_let_in(camera):
    asked = attrs.evolve(shot(), depth=np.ones((50, 80), np.float32))
    asked = attrs.evolve(asked, trajectory=attrs.evolve(asked.trajectory, **camera))
    check_shot(asked, INFO)
    assert len(list(load_engine("embedded").render(asked))) == 3
