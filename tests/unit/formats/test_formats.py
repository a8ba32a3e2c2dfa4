"""Every camera format: what is written is read back, found by its content, and named for what it leaves out."""

import io

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dollygrip import formats
from dollygrip.errors import InputError, TrajectoryError
from dollygrip.formats import FORMATS, Assumed, Source, format_named
from dollygrip.formats.native import NATIVE
from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory

finite = st.floats(-1e6, 1e6)
text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
every_format = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
NAMES = {form.name: f"a{form.suffixes[0]}" if form.suffixes[0][0] in "._" else form.suffixes[0] for form in FORMATS}


@st.composite
def trajectories(draw):
    """Any poses, any lens whose principal point lies near the image, changing or not, pixels square or not."""
    frames = draw(st.integers(1, 6))
    width, height = size = draw(st.tuples(st.integers(64, 4096), st.integers(64, 4096)))
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, :3] = matrix_from_rotvec(draw(arrays(float, (frames, 3), elements=st.floats(-3, 3))))
    c2w[:, :3, 3] = draw(arrays(float, (frames, 3), elements=finite))
    lens = draw(arrays(float, (1 if draw(st.booleans()) else frames, 4), elements=st.floats(0.2, 1.5)))
    lens = np.broadcast_to(lens * [width, height, width, height], (frames, 4))
    fps = draw(st.sampled_from([12.0, 23.976, 24.0, 25.0, 29.97, 60.0]))
    meta = draw(st.dictionaries(text, json_values, max_size=3))
    return Trajectory(c2w, lens, size, fps, draw(st.floats(1e-3, 1e6)), meta)


def through_a_file(tmp_path, form, trajectory, name=None, **assumed):
    """Write a trajectory into an empty folder and read it back."""
    folder = tmp_path / form.name
    for old in folder.iterdir() if folder.exists() else ():
        old.unlink()
    written = formats.write(folder / (name or NAMES[form.name]), trajectory, form)
    return formats.read(written[0], Assumed(**assumed)), written


@every_format
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trajectory=trajectories())
def test_what_is_written_is_read_back(tmp_path, form, trajectory):
    """Poses always; of the rest, what the format can hold. What it cannot is what the reader was told to assume."""
    told = {"size": trajectory.size, "fps": trajectory.fps, "scene_depth": trajectory.scene_depth, "view_degrees": 40.0}
    back, _ = through_a_file(tmp_path, form, trajectory, **told)
    assert np.abs(back.rotations - trajectory.rotations).max() < 1e-9
    assert np.abs(back.positions - trajectory.positions).max() < 1e-9 * max(1, np.abs(trajectory.positions).max())
    assert back.size == trajectory.size
    assert back.fps == trajectory.fps or (form.name == "re10k" and len(back) == 1)
    assert back.scene_depth == trajectory.scene_depth
    lens = trajectory.intrinsics
    if "lens" not in form.holds:
        focal = trajectory.size[0] / 2 / np.tan(np.radians(20))
        lens = np.array([[focal, focal, trajectory.size[0] / 2, trajectory.size[1] / 2]])
    elif "zoom" not in form.holds:
        lens = lens[:1]
    if (form.name, len(back)) == ("videox-fun", 1):
        return  # one pose without a time is RealEstate10K's
    assert np.abs(back.intrinsics - lens).max() < 1e-9 * np.abs(lens).max()
    assert ("zoom" in form.holds) or formats.lost(trajectory, form)
    if form is NATIVE:
        assert np.array_equal(back.c2w, trajectory.c2w) and np.array_equal(back.intrinsics, trajectory.intrinsics)
        assert back.meta == trajectory.meta
    else:
        assert back.meta["format"] == form.name or (form.name, len(back)) == ("re10k", 1)


@every_format
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trajectory=trajectories(), data=st.data())
def test_a_damaged_file_is_refused_or_read_never_a_crash(tmp_path, form, trajectory, data):
    _, written = through_a_file(tmp_path, form, trajectory)
    victim = data.draw(st.sampled_from(written))
    whole = victim.read_bytes()
    if not whole:
        return
    at = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(at, min(at + 12, len(whole))))
    junk = st.binary(max_size=4) | st.sampled_from([b"NaN", b"1e999", b"null", b"{}", b"[]", b'"', b"-", b"\n"])
    victim.write_bytes(whole[:at] + data.draw(junk) + whole[end:])
    try:
        assert isinstance(formats.read(written[0]), Trajectory)
    except InputError as error:
        assert error.message


@settings(max_examples=300)
@given(st.lists(st.lists(st.sampled_from(["0", "1", "-1", "nan", "inf", "1e308", "x"]), min_size=8, max_size=20)))
def test_wild_rows_are_refused_or_read_never_a_crash(rows):
    source = Source("wild.txt", "\n".join(["", *(" ".join(row) for row in rows)]).encode())
    try:
        assert isinstance(formats.parse(source, Assumed(by_time=True)), Trajectory)
    except TrajectoryError as error:
        assert error.message


@settings(max_examples=300)
@given(json_values | st.dictionaries(st.sampled_from(["frames", "parameters", "frame0", "0", "format"]), json_values))
def test_wild_json_is_refused_or_read_never_a_crash(value):
    import json

    try:
        assert isinstance(formats.parse(Source("wild.json", json.dumps(value).encode())), Trajectory)
    except TrajectoryError as error:
        assert error.message


def straight(frames=3, size=(128, 72), zoom=0.0):
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, 2, 3] = np.linspace(0, 1, frames)
    focal = 100 * np.exp(zoom * np.arange(frames))[:, None]
    return Trajectory(c2w, np.hstack([focal, focal, np.full((frames, 2), np.array(size) / 2)]), size, 24.0, 4.0)


@every_format
def test_files_are_written_by_name_and_found_by_content(tmp_path, form):
    written = formats.write(tmp_path / "new" / NAMES[form.name], straight())
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(path.name for path in written)
    if form.folder:
        assert len(formats.read(tmp_path / "new")) == 3
    else:
        written[0].rename(tmp_path / "renamed")
        back = formats.read(tmp_path / "renamed")
        assert len(back) == 3 and back.meta.get("format", "dollygrip") == form.name


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.json", "dollygrip"),
        ("A.CAMERA.JSON", "dollygrip"),
        ("shot_transforms.json", "gendop"),
        ("transforms.json", "nerfstudio"),
        ("camera_extrinsics.json", "recammaster"),
        ("a.motionctrl.json", "motionctrl"),
        ("a.videox.txt", "videox-fun"),
        ("my_images.txt", "re10k"),
        ("images.txt", "colmap"),
        ("images.bin", "colmap-binary"),
        ("demo_pose.npy", "sana-wm"),
    ],
)
def test_a_name_asks_for_its_format(tmp_path, name, form):
    assert formats.format_of_name(tmp_path / name) is format_named(form)


def test_what_a_format_leaves_out_is_said():
    said = {form.name: ", ".join(formats.lost(straight(zoom=0.1), form)) for form in FORMATS}
    assert said["dollygrip"] == said["sana-wm"] == ""
    assert all(f"MotionCtrl poses do not hold the {word}" in said["motionctrl"] for word in ("lens", "image size"))
    assert "hold the zoom" in said["gendop"] and "frame rate" in said["gendop"]
    shifted = attrs.evolve(straight(), intrinsics=straight().intrinsics - [0, 0, 500, 0])
    for fixed in (straight(), shifted):
        assert not any("zoom" in word for word in formats.lost(fixed, format_named("gendop")))
    pair = formats.lost(straight(zoom=0.1), format_named("sana-wm"), "Demo_Pose.npy")
    assert [words.rpartition("hold ")[2] for words in pair] == ["the image size", "the frame rate", "the scene depth"]
    assert "image size" in said["re10k"] and "frame rate" not in said["re10k"]


def test_assumptions_are_defaults_that_are_noted_and_yield_to_the_file(tmp_path):
    poses = formats.write(tmp_path / "a.motionctrl.json", straight())[0]
    plain = formats.read(poses)
    assert plain.meta["assumed"] == {"size": [1280, 720], "view_degrees": 50.0, "fps": 24.0, "scene_depth": 1.0}
    silent = Assumed(fps=30)
    formats.read(poses, silent)
    assert silent.notes()[0] == "the file does not say the image size: it is taken as 1280x720"
    assert len(silent.notes()) == 3
    told = formats.read(poses, Assumed(size=(640, 480), view_degrees=90, fps=30, scene_depth=7))
    assert (told.size, told.fps, told.scene_depth) == ((640, 480), 30.0, 7.0)
    assert told.intrinsics[0] == pytest.approx([320, 320, 320, 240])
    exact = formats.write(tmp_path / "a.npz", straight())[0]
    needless = Assumed(size=(640, 480), fps=30, scene_depth=7)
    own = formats.read(exact, needless)
    assert needless.notes()[1] == "the file says the frame rate itself"
    assert (own.size, own.fps, own.scene_depth) == ((128, 72), 24.0, 4.0) and "assumed" not in own.meta
    for wrong in (Assumed(view_degrees=0), Assumed(size=(0, 5)), Assumed(fps=-1), Assumed(scene_depth=np.nan)):
        with pytest.raises(InputError):
            formats.read(poses, wrong)


def test_files_that_are_missing_or_binary_or_named_badly(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "empty").write_bytes(b"")
    for act, words in [
        (lambda: formats.read(tmp_path / "nothing"), "no file"),
        (lambda: formats.read(tmp_path / "a.png"), "not text"),
        (lambda: formats.read(tmp_path / "empty"), "empty"),
        (lambda: formats.read(tmp_path), "holds none of images.bin"),
        (lambda: formats.write(tmp_path / "a.xyz", straight()), "a.xyz"),
        (lambda: formats.write(tmp_path / "a.png" / "b.txt", straight()), "cannot be written"),
        (lambda: format_named("maya"), "maya"),
    ]:
        with pytest.raises(InputError, match=words):
            act()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "empty"]


def test_sizes_are_bounded(tmp_path):
    with (tmp_path / "big.json").open("wb") as file:
        file.truncate(formats.MAX_BYTES + 1)
    with pytest.raises(InputError, match="larger than 64 MB"):
        formats.read(tmp_path / "big.json")
    rows = ",".join(["[1,0,0,0,0,1,0,0,0,0,1,0]"] * 20_001)
    with pytest.raises(InputError, match="1 to 20000 poses"):
        formats.parse(Source("long.json", f"[{rows}]".encode()))
    bomb = io.BytesIO()
    np.savez_compressed(bomb, c2w=np.zeros((600_000, 4, 4)))
    assert len(bomb.getvalue()) < 2**20
    with pytest.raises(InputError, match="unpack to more than 64 MB"):
        formats.parse(Source("bomb.npz", bomb.getvalue()))


def test_a_colmap_model_is_never_overwritten(tmp_path):
    binary, plain = format_named("colmap-binary"), format_named("colmap")
    formats.write(tmp_path / "sparse" / "0", straight(), binary)
    assert sorted(path.name for path in (tmp_path / "sparse/0").iterdir()) == [
        "cameras.bin",
        "images.bin",
        "points3D.bin",
    ]
    with pytest.raises(InputError, match="already holds a COLMAP model"):
        formats.write(tmp_path / "sparse" / "0" / "images.txt", straight(), plain)
    assert len(formats.read(tmp_path)) == 3


@every_format
def test_poses_that_drifted_are_straightened_and_others_refused(tmp_path, form):
    """Three decimals are a drift; a scale of 2 is not a rotation."""
    turned = straight()
    c2w = turned.c2w.copy()
    c2w[:, :3, :3] = matrix_from_rotvec(np.outer(np.arange(3), [0.3, -0.2, 0.1]))
    exact = attrs.evolve(turned, c2w=c2w)
    drifted, scaled = c2w.copy(), c2w.copy()
    drifted[:, :3, :3] = c2w[:, :3, :3].round(4)
    scaled[1, :3, :3] *= 2
    if form.name.startswith("colmap") or form is NATIVE:
        return
    back, _ = through_a_file(tmp_path, form, unchecked(exact, drifted))
    gram = np.swapaxes(back.rotations, 1, 2) @ back.rotations
    assert np.abs(gram - np.eye(3)).max() < 1e-12
    assert np.abs(back.relative().rotations - exact.relative().rotations).max() < 1e-3
    with pytest.raises(TrajectoryError, match="rotation that is none") as caught:
        through_a_file(tmp_path, form, unchecked(exact, scaled))
    assert any(name in str(caught.value) for name in ("Frame 1", "frame 1", "frame1", "Line 3", "Camera 1"))


def unchecked(trajectory, c2w):
    """A trajectory whose poses are not checked, as another program might write them."""
    made = attrs.evolve(trajectory)
    object.__setattr__(made, "c2w", c2w)
    return made
