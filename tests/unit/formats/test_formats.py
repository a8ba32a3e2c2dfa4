"""Camera files: what is written is read back, and what is wrong is named."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dollygrip import formats
from dollygrip.errors import InputError, TrajectoryError
from dollygrip.formats import NATIVE, RE10K
from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory

finite = st.floats(-1e6, 1e6)
text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def trajectories(draw, square=False):
    frames = draw(st.integers(1, 6))
    size = draw(st.tuples(st.integers(64, 4096), st.integers(64, 4096)))
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, :3] = matrix_from_rotvec(draw(arrays(float, (frames, 3), elements=st.floats(-3, 3))))
    c2w[:, :3, 3] = draw(arrays(float, (frames, 3), elements=finite))
    lens = draw(arrays(float, (frames, 4), elements=st.floats(1, 1e4)))
    if square:
        lens[:, 1] = lens[:, 0]
    fps = draw(st.sampled_from([12.0, 23.976, 24.0, 25.0, 29.97, 60.0]))
    meta = draw(st.dictionaries(text, json_values, max_size=3))
    return Trajectory(c2w, lens, size, fps, draw(st.floats(1e-3, 1e6)), meta)


@given(trajectories())
def test_the_native_file_keeps_every_number(trajectory):
    back = NATIVE.parse(NATIVE.print(trajectory))
    assert np.array_equal(back.c2w, trajectory.c2w)
    assert np.array_equal(back.intrinsics, trajectory.intrinsics)
    assert (back.size, back.fps, back.scene_depth) == (trajectory.size, trajectory.fps, trajectory.scene_depth)
    assert back.meta == trajectory.meta


@given(trajectories(square=True))
def test_re10k_keeps_poses_view_and_time(trajectory):
    back = RE10K.parse(RE10K.print(trajectory))
    assert np.allclose(back.rotations, trajectory.rotations, atol=1e-12)
    assert np.allclose(back.positions, trajectory.positions, atol=1e-12 * max(1, np.abs(trajectory.positions).max()))
    assert np.allclose(back.intrinsics / np.tile(back.size, 2), trajectory.intrinsics / np.tile(trajectory.size, 2))
    if len(back) > 1:
        assert back.fps == trajectory.fps


@given(trajectories(), st.data())
def test_a_damaged_native_file_is_refused_or_read_never_a_crash(trajectory, data):
    printed = NATIVE.print(trajectory)
    at = data.draw(st.integers(0, len(printed) - 1))
    end = data.draw(st.integers(at, min(at + 12, len(printed))))
    damaged = printed[:at] + data.draw(st.text(max_size=4)) + printed[end:]
    try:
        assert isinstance(NATIVE.parse(damaged), Trajectory)
    except TrajectoryError as error:
        assert error.message


@given(st.lists(st.lists(st.sampled_from(["0", "1", "-1", "nan", "inf", "1e308", "x"]), min_size=17, max_size=20)))
def test_wild_re10k_rows_are_refused_or_read_never_a_crash(rows):
    source = "\n".join(["", *(" ".join(row) for row in rows)])
    if RE10K.recognises(source):
        try:
            assert isinstance(RE10K.parse(source), Trajectory)
        except TrajectoryError as error:
            assert error.message


def straight(frames=3):
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    return Trajectory(c2w, np.tile([100.0, 100.0, 64.0, 36.0], (frames, 1)), (128, 72), 24.0, meta={"prompt": "ü"})


@pytest.mark.parametrize("name", ["a.camera.json", "a.JSON", "a.txt"])
def test_files_are_written_by_name_and_read_by_content(tmp_path, name):
    formats.write(tmp_path / "new" / name, straight())
    (tmp_path / "new" / name).rename(tmp_path / "renamed")
    assert len(formats.read(tmp_path / "renamed")) == 3
    assert list((tmp_path / "new").iterdir()) == []


def test_a_pan_to_the_right_reads_as_one(tmp_path):
    """w2c of a camera turned right by 0.1 rad: by hand, not by our own writer."""
    cos, sin = np.cos(0.1), np.sin(0.1)
    row = f"0.5 0.9 0.5 0.5 0 0 {cos} 0 {-sin} 0 0 1 0 0 {sin} 0 {cos} 0"
    (tmp_path / "a.txt").write_text(f"url\n0 0.5 0.9 0.5 0.5 0 0 1 0 0 0 0 1 0 0 0 0 1 0\n500000 {row}\n")
    trajectory = formats.read(tmp_path / "a.txt")
    assert np.allclose(trajectory.rotations[1][:, 2], [sin, 0, cos])  # forward has moved to +x
    assert (trajectory.fps, trajectory.size, trajectory.meta) == (2.0, (1296, 720), {"source": "url"})


POSE = "1 1 .5 .5 0 0 1 0 0 0 0 1 0 0 0 0 1 0"


def native_with(change):
    data = json.loads(NATIVE.print(straight()))
    change(data)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (native_with(lambda d: d["frames"][2]["c2w"][0].__setitem__(3, float("nan"))), ["Frame 2", "NaN"]),
        (native_with(lambda d: d["frames"][1].pop("fx")), ["frame 1", "fx"]),
        (native_with(lambda d: d["frames"][1].update(fx="wide")), ["frame 1", "fx", "wide"]),
        (native_with(lambda d: d["frames"][1]["c2w"].pop()), ["frame 1", "4 rows of 4"]),
        (native_with(lambda d: d["frames"][1]["c2w"][1].__setitem__(1, 10**400)), ["frame 1", "4 rows of 4"]),
        (native_with(lambda d: d.update(version=2)), ["version", "2"]),
        (native_with(lambda d: d.update(convention="opengl")), ["convention", "opengl"]),
        (native_with(lambda d: d.update(colour="red")), ["colour"]),
        (native_with(lambda d: d.update(frames=[])), ["frames"]),
        (native_with(lambda d: d.update(width=0)), ["0x72"]),
        (native_with(lambda d: d.update(width=1.5)), ["1.5"]),
        (native_with(lambda d: d.pop("fps")), ["fps"]),
        (NATIVE.print(straight())[:-40], ["JSON"]),
        (f"url\n0 {POSE}\n0 1 1 .5 .5 0 0 1 0 0", ["Line 3", "10 fields"]),
        ("url\n0 1 1 .5 .5 0 0 1 0 0 0 0 1 0 0 0 0 1 x\n", ["Line 2", "'x'"]),
        (
            f"url\n5 {POSE}\n0 {POSE}",
            ["Line 3", "earlier"],
        ),
        ('{"camera": 1}', ["none of the known", ".camera.json"]),
        ("", ["none of the known"]),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path, content, words):
    (tmp_path / "broken").write_text(content, "utf-8")
    with pytest.raises(InputError) as caught:
        formats.read(tmp_path / "broken")
    assert all(word in str(caught.value) for word in ["broken", *words]), str(caught.value)


def test_files_that_are_missing_or_binary_or_named_badly(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\xff\xfe")
    for act, word in [
        (lambda: formats.read(tmp_path / "nothing"), "no file"),
        (lambda: formats.read(tmp_path / "a.png"), "not text"),
        (lambda: formats.read(tmp_path), "cannot be read"),
        (lambda: formats.write(tmp_path / "a.xyz", straight()), "a.xyz"),
        (lambda: formats.write(tmp_path / "a.png" / "b.txt", straight()), "cannot be written"),
    ]:
        with pytest.raises(InputError, match=word):
            act()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
