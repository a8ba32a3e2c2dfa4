"""Files in the layouts of the peers' own, written here by hand: what they mean, and what is said of wrong ones."""

import json
import struct

import numpy as np
import pytest

from dollygrip import formats
from dollygrip.errors import InputError
from dollygrip.formats import Assumed, Source
from dollygrip.trajectory import Trajectory

COS, SIN = np.cos(0.1), np.sin(0.1)


def read(content, name="a.file", **assumed):
    data = content if isinstance(content, bytes | str) else json.dumps(content)
    return formats.parse(Source(name, data.encode() if isinstance(data, str) else data), Assumed(**assumed))


def moved(trajectory):
    """Where the last frame stands and looks, in the axes of the first: right, down, forward."""
    last = trajectory.relative().c2w[-1]
    return last[:3, 3].round(9).tolist(), last[:3, 2].round(9).tolist()


TURNED_RIGHT = [SIN, 0.0, COS]


def test_realestate10k_a_pan_to_the_right():
    """w2c of a camera turned right by 0.1 rad; 0.5 s later."""
    row = f"0.5 0.9 0.5 0.5 0 0 {COS} 0 {-SIN} 0 0 1 0 0 {SIN} 0 {COS} 0"
    trajectory = read(f"url\n0 0.5 0.9 0.5 0.5 0 0 1 0 0 0 0 1 0 0 0 0 1 0\n\n500000 {row}\n\n")
    assert moved(trajectory) == ([0, 0, 0], pytest.approx(TURNED_RIGHT))
    assert (trajectory.fps, trajectory.size, trajectory.meta["source"]) == (2.0, (1296, 720), "url")


@pytest.mark.parametrize("header", ["\n", "https://x.org/?a,b\n", ""])
@pytest.mark.parametrize("comma", [" ", ", "])
def test_videox_fun_pan_left_moves_to_the_left(header, comma):
    rows = [f"0 0.532139961 0.946026558 0.5 0.5 0 0 1.0 0.0 0.0 {x} 0.0 1.0 0.0 0.0 0.0 0.0 1.0 0.0" for x in (0, 0.5)]
    trajectory = read(header + "\n".join(rows).replace(" ", comma))
    assert moved(trajectory) == ([-0.5, 0, 0], [0, 0, 1])
    assert (trajectory.size, trajectory.fps) == ((1280, 720), 24.0)
    assert trajectory.intrinsics[0] == pytest.approx([681.139, 681.139, 640, 360], abs=1e-3)


STAMPS = np.array([0, 40_000, 80_000, 80_000, 120_000, 320_000, 360_000])


def at_stamps(stamps, speed=1e-5):
    """Poses of a camera that goes forward at this speed, a microsecond."""
    return "\n".join(["url", *(f"{t} 0.5 0.9 0.5 0.5 0 0 1 0 0 0 0 1 0 0 0 0 1 {-t * speed}" for t in stamps)])


def test_realestate10k_poses_keep_their_times_where_that_is_asked_for():
    """A camera at a constant speed, of which poses are missing and one stands twice."""
    assumed = Assumed(by_time=True)
    trajectory = formats.parse(Source("a.txt", at_stamps(STAMPS).encode()), assumed)
    assert (len(trajectory), trajectory.fps) == (10, 25.0)
    assert trajectory.positions[:, 2] == pytest.approx(np.arange(10) * 0.4)
    assert "its poses stand at uneven times: they were resampled to even ones" in assumed.notes()


def test_realestate10k_poses_are_the_videos_frames_else():
    assumed = Assumed()
    trajectory = formats.parse(Source("a.txt", at_stamps(STAMPS).encode()), assumed)
    assert trajectory.positions[:, 2] == pytest.approx(STAMPS * 1e-5)
    assert f"its uneven timestamps are left out: its poses are frames at {trajectory.fps:g} fps" in assumed.notes()
    for told in (Assumed(), Assumed(by_time=True)):
        formats.parse(Source("a.txt", at_stamps([0, 33_366, 66_733, 100_100]).encode()), told)
        assert not told.remarks, "microseconds are rounded"
    hole = formats.parse(Source("a.txt", at_stamps([0, 1000, 2000, 10**11]).encode()), Assumed(by_time=True))
    assert len(hole) == 4, "too long to fill"


def seen_by_videox_fun(fractions, width, height):
    """Focal lengths in pixels of width x height: VideoX-Fun takes the fractions for those of an image of 16:9."""
    fx, fy = fractions
    if width / height < 16 / 9:
        return fx * height * 16 / 9, fy * height
    return fx * width, fy * width / (16 / 9)


@pytest.mark.parametrize("size", [(832, 480), (512, 512), (480, 832), (1280, 536)])
def test_videox_fun_sees_the_lens_that_was_written(size):
    lens = [900.0, 900.0, size[0] / 2, size[1] / 2]
    trajectory = Trajectory(np.tile(np.eye(4), (2, 1, 1)), [lens, lens], size, 24.0)
    form = formats.format_named("videox-fun")
    written = form.print(trajectory, "a.videox.txt")["a.videox.txt"]
    fractions = [float(field) for field in written.decode().splitlines()[1].split()[1:3]]
    assert seen_by_videox_fun(fractions, *size) == pytest.approx((900, 900))
    assert read(written, size=size).intrinsics[0] == pytest.approx(lens)
    whole = read(written)
    assert whole.size == (1280, 720), "the image of 16:9 that theirs is the middle of"
    shares = whole.intrinsics[0, :2] / whole.size
    assert seen_by_videox_fun(shares, *size) == pytest.approx((900, 900))


def test_realestate10k_in_pixels_and_counted_frames():
    rows = [f"{time} 500 500 320 180 0 0 1 0 0 0 0 1 0 0 0 0 1 0" for time in range(3)]
    trajectory = read("\n".join(["title", *rows]))
    assert (trajectory.size, trajectory.fps) == ((640, 360), 24.0)
    assert trajectory.intrinsics[0].tolist() == [500, 500, 320, 180]


ROWS = [f"{i * 100_000} 0.5 0.9 0.5 0.5 0 0 1 0 0 0 0 1 0 0 0 0 1 {-i}" for i in range(3)]


@pytest.mark.parametrize(
    "lines",
    [
        ROWS,
        ["https://x.org", "", *ROWS],
        ["# of my house", "https://x.org", *ROWS],
        [*(f"# {n} of a licence" * 100 for n in range(12)), "https://x.org", *ROWS],
        ["https://x.org", *ROWS[:2], "# cut", *ROWS[2:]],
        ["", "", *ROWS, "", "  "],
        ["Zoë’s house", *[f"  {row.replace(' ', chr(9))}  " for row in ROWS]],
        ["title", *[f"{row} 0 0 0 1" for row in ROWS]],
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_realestate10k_as_other_tools_and_systems_write_it(lines, end, encoding):
    for last in ("", end):
        trajectory = read((end.join(lines) + last).encode(encoding))
        assert moved(trajectory) == ([0, 0, 2], [0, 0, 1])
        assert (len(trajectory), trajectory.fps, trajectory.size) == (3, 10.0, (1296, 720))


ZOOM_IN = [[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, z] for z in (0, -0.5, -1.0)]


@pytest.mark.parametrize(
    "content",
    [
        ZOOM_IN,
        [np.reshape(row, (3, 4)).tolist() for row in ZOOM_IN],
        [[*row, 0, 0, 0, 1] for row in ZOOM_IN],
        [[str(value) for value in row] for row in ZOOM_IN],
        {"10": ZOOM_IN[2], "2": ZOOM_IN[1], "0": ZOOM_IN[0]},
        {"frame_10": ZOOM_IN[2], "frame_2": ZOOM_IN[1], "frame_0": ZOOM_IN[0]},
    ],
)
def test_motionctrl_zoom_in_moves_forward(content):
    assert moved(read(content)) == ([0, 0, 1], [0, 0, 1])


UNREAL = {  # forward, right, up and position in Unreal's axes (forward, right, up), centimetres
    "start": "[1 0 0 0] [-0 1 0 0] [0 -0 1 0] [3390 1380 240 1] ",
    "pan right": f"[{COS} {SIN} 0 0] [{-SIN} {COS} 0 0] [0 0 1 0] [3390 1380 240 1] ",
    "tilt up": f"[{COS} 0 {SIN} 0] [0 1 0 0] [{-SIN} 0 {COS} 0] [3390 1380 240 1] ",
    "dolly in": "[1 0 0 0] [0 1 0 0] [0 0 1 0] [3590 1380 240 1] ",
    "crane up": "[1, 0, 0] [0, 1, 0] [0, 0, 1] [3390, 1380, 340]",
}


@pytest.mark.parametrize(
    ("move", "place", "look"),
    [
        ("pan right", [0, 0, 0], TURNED_RIGHT),
        ("tilt up", [0, 0, 0], [0, -SIN, COS]),
        ("dolly in", [0, 0, 2], [0, 0, 1]),
        ("crane up", [0, -1, 0], [0, 0, 1]),
    ],
)
def test_recammaster_moves_as_unreal_says(move, place, look):
    where, forward = moved(read({"frame0": {"cam01": UNREAL["start"]}, "frame1": {"cam01": UNREAL[move]}}))
    assert (where, forward) == (pytest.approx(place), pytest.approx(look))


def test_recammaster_cameras_are_chosen_and_frames_ordered_by_number():
    frames = {f"frame{i}": {"cam01": UNREAL["start"], "cam10": UNREAL["start"]} for i in (0, 10, 9)}
    frames["frame10"]["cam10"] = UNREAL["dolly in"]
    for name in ("cam10", "10", "CAM10"):
        assert moved(read(frames, camera=name))[0] == [0, 0, 2]
    first = read(frames)
    assert moved(first)[0] == [0, 0, 0] and first.meta["cameras"] == ["cam01", "cam10"]
    with pytest.raises(InputError, match="no camera '3'; its cameras are cam01, cam10"):
        read(frames, camera="3")
    assert first.meta["assumed"]["camera"] == "cam01"


def test_recammaster_an_only_camera_is_meant():
    frames = {f"frame{i}": {"cam05": UNREAL["start"]} for i in range(2)}
    assert "camera" not in read(frames).meta["assumed"]
    with pytest.raises(InputError, match="no camera '3'; its cameras are cam05"):
        read(frames, camera="3")


def gl(x, y, z, up=1.0):
    """Camera-to-world with OpenGL axes; `up` -1 stands on its head."""
    return [[1, 0, 0, x], [0, up, 0, y], [0, 0, up, z], [0, 0, 0, 1]]


def test_nerfstudio_is_ordered_by_name_and_z_is_up():
    """A camera that looks along the world's +Y with +Z up, and rises."""
    level = [[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    risen = [[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 3.0], [0, 0, 0, 1]]
    frames = [
        {"file_path": "images/frame_10.png", "transform_matrix": risen},
        {"file_path": "images/frame_2.png", "transform_matrix": level[:3]},
    ]
    trajectory = read({"w": 640, "h": 480, "fl_x": 500, "fl_y": 510.0, "frames": frames})
    assert moved(trajectory) == ([0, -3, 0], [0, 0, 1])
    assert np.allclose(trajectory.rotations[0], np.eye(3)), "level in a world of +Y down"
    assert trajectory.intrinsics[0].tolist() == [500, 510, 320, 240]


@pytest.mark.parametrize("path", [("k1",), ("frames", 1, "k1")])
def test_nerfstudio_distortion_of_any_frame_is_left_out_and_said(path):
    bent, assumed = changed(NERF, *path, value=0.1), Assumed()
    trajectory = formats.parse(Source("a.json", json.dumps(bent).encode()), assumed)
    assert trajectory.meta["ignored"] == {"distortion": {"k1": 0.1}}
    assert "the file's lens distortion is left out" in assumed.notes()
    formats.parse(Source("a.json", json.dumps(NERF).encode()), assumed)
    assert not any("distortion" in note for note in assumed.notes())


def test_nerfstudio_lens_by_angle_by_frame_and_by_fraction():
    frame = {"transform_matrix": gl(0, 0, 0)}
    by_angle = read({"camera_angle_x": np.pi / 2, "frames": [frame]}, size=(200, 100))
    assert by_angle.intrinsics[0] == pytest.approx([100, 100, 100, 50])
    lens = {"fl_x": "900", "cx": 640, "cy": 360}
    by_frame = read({"frames": [{**frame, **lens}, {**frame, **lens, "fl_x": 1800}]})
    assert by_frame.size == (1280, 720) and by_frame.intrinsics[:, :2].tolist() == [[900, 900], [1800, 1800]]
    sizes = [{**frame, "w": 100, "h": 50, "fl_x": 80}, {**frame, "w": 200, "h": 100, "fl_x": 160}]
    assert read({"frames": sizes}).intrinsics.tolist() == [[80, 80, 50, 25]] * 2
    sizes[1] |= {"h": 80, "cx": 90}
    cropped = read({"frames": sizes})
    assert cropped.size == (100, 50) and cropped.intrinsics[1].tolist() == [100, 100, 43.75, 25]
    shares = [{**frame, "w": w, "h": 50, "fl_x": 0.8, "fl_y": 1.6, "cx": 0.5, "cy": 0.5} for w in (100, 200)]
    assert read({"frames": shares}).intrinsics.tolist() == [[80, 80, 50, 25], [160, 80, 50, 25]]
    fraction = read({"w": 100, "h": 50, "fl_x": 0.8, "fl_y": 1.6, "cx": 0.5, "cy": 0.5, "frames": [frame]})
    assert fraction.intrinsics[0].tolist() == [80, 80, 50, 25]


@pytest.mark.parametrize("up", [1.0, -1.0])
def test_gendop_moves_forward_upright_in_either_world(up):
    """OpenGL cameras look along -Z of their own: forward is -up here, in a world of +Y up or +Y down."""
    frames = [{"transform_matrix": gl(0, 0, -up * z, up), "monst3r_im_id": 3 - i} for i, z in enumerate((2, 1, 0))]
    head = {"w": 512.0, "h": 512.0, "fl_x": 400, "fl_y": 400, "cx": 256, "cy": 256}
    trajectory = read({**head, "frames": frames})
    assert trajectory.meta["format"] == "gendop"
    assert moved(trajectory) == ([0, 0, 2], [0, 0, 1])
    assert trajectory.rotations[0][:, 1].tolist() == [0, 1, 0], "down is the world's +Y"


def open3d_camera(x, size=(640, 480)):
    matrix = [500.0, 0, 0, 0, 510.0, 0, 319.5, 239.5, 1]
    extrinsic = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -x, 0, 0, 1]
    intrinsic = {"width": size[0], "height": size[1], "intrinsic_matrix": matrix}
    return {"class_name": "PinholeCameraParameters", "extrinsic": extrinsic, "intrinsic": intrinsic}


def test_open3d_is_by_columns_and_its_pixels_have_their_origin_in_the_middle():
    trajectory = read({"class_name": "PinholeCameraTrajectory", "parameters": [open3d_camera(0), open3d_camera(2)]})
    assert moved(trajectory) == ([2, 0, 0], [0, 0, 1])
    assert (trajectory.size, trajectory.intrinsics[0].tolist()) == ((640, 480), [500, 510, 320, 240])
    assert read(open3d_camera(1, (-1, -1))).size == (640, 480)


def arrays(**named):
    import io

    buffer = io.BytesIO()
    np.savez(buffer, **named)
    return buffer.getvalue()


def test_sana_wm_shapes_and_names():
    c2w = np.tile(np.eye(4, dtype=np.float32), (3, 1, 1))
    c2w[:, 0, 3] = [0, 1, 2]
    k = np.array([[800.0, 0, 845], [0, 810, 464], [0, 0, 1]])
    for named in ({"c2w": c2w, "intrinsics": k}, {"poses": c2w[None], "K": np.tile(k, (3, 1, 1))}):
        trajectory = read(arrays(**named))
        assert moved(trajectory) == ([2, 0, 0], [0, 0, 1])
        assert (trajectory.size, trajectory.intrinsics[2].tolist()) == ((1690, 928), [800, 810, 845, 464])
    inverted = read(arrays(w2c=np.linalg.inv(c2w)[:, :3], intrinsics=[0.5, 1, 0.5, 0.5], width=100, height=50, fps=16))
    assert moved(inverted) == ([2, 0, 0], [0, 0, 1]) and inverted.fps == 16
    assert inverted.intrinsics[0].tolist() == [50, 50, 50, 25]
    assert read(arrays(c2w=c2w)).meta["assumed"]["view_degrees"] == 50.0


def test_sana_wm_pair_of_npy_files(tmp_path):
    np.save(tmp_path / "demo_pose.npy", np.tile(np.eye(4), (2, 1, 1)))
    np.save(tmp_path / "demo_intrinsics.npy", np.array([800.0, 810, 845, 464]))
    assert formats.read(tmp_path / "demo_pose.npy").intrinsics[1].tolist() == [800, 810, 845, 464]
    with pytest.raises(InputError, match=r"must have the shape .*4, 4\), not \(4,\)"):
        formats.read(tmp_path / "demo_intrinsics.npy")


CAMERAS = "# Camera list\n1 SIMPLE_RADIAL 640 480 500 320 240 0.1\n7 OPENCV 640 480 500 510 320 240 0 0 0 0\n"
IMAGES = f"""# Image list with two lines of data per image:
2 1 0 0 0 0 0 -2 7 frame 10.png
10.5 11.5 -1 3 4 55
1 1 0 0 0 0 0 0 1 frame 9.png

3 {np.cos(0.05)} 0 {-np.sin(0.05)} 0 0 0 -{2 * COS} 1 frame 11.png
"""


def colmap(folder, cameras=CAMERAS, images=IMAGES):
    (folder / "cameras.txt").write_text(cameras)
    (folder / "images.txt").write_text(images)
    return folder


def test_colmap_text_keypoints_are_passed_over_and_names_order(tmp_path):
    assumed = Assumed()
    trajectory = formats.read(colmap(tmp_path), assumed)
    assert "the file's lens distortion is left out" in assumed.notes()
    assert trajectory.positions[1].tolist() == [0, 0, 2]
    assert trajectory.rotations[2][:, 2] == pytest.approx(TURNED_RIGHT)
    assert trajectory.intrinsics[:, 1].tolist() == [500, 510, 500]
    assert trajectory.meta["ignored"] == {"distortion": [0.1]}
    for name in ("images.txt", "cameras.txt"):
        assert np.array_equal(formats.read(tmp_path / name).c2w, trajectory.c2w)


def test_colmap_text_without_keypoint_lines(tmp_path):
    lines = [line for line in IMAGES.splitlines() if line.endswith(".png")]
    rows = [line.replace("frame ", "frame") for line in lines]
    assert len(formats.read(colmap(tmp_path, images="\n".join(rows)))) == 3


def test_colmap_with_as_many_keypoints_as_a_real_model_has(tmp_path):
    """They are larger than any other camera file may be."""
    keypoints = "1234.567 1234.567 -1 " * 40_000
    lines = [f"{i + 1} 1 0 0 0 0 0 {-i} 1 frame{i}.png\n{keypoints}" for i in range(90)]
    colmap(tmp_path, images="\n".join(lines))
    assert (tmp_path / "images.txt").stat().st_size > formats.MAX_BYTES
    trajectory = formats.read(tmp_path)
    assert len(trajectory) == 90 and moved(trajectory) == ([0, 0, 89], [0, 0, 1])


def test_colmap_binary(tmp_path):
    """Two images of one camera, the first with two keypoints."""
    (tmp_path / "cameras.bin").write_bytes(struct.pack("<QIiQQ3d", 1, 5, 0, 640, 480, 500, 320, 240))
    first = struct.pack("<I7dI", 9, 1, 0, 0, 0, -1, 0, 0, 5) + b"b.png\0" + struct.pack("<Q", 2) + bytes(48)
    second = struct.pack("<I7dI", 4, 1, 0, 0, 0, 0, 0, 0, 5) + b"a.png\0" + struct.pack("<Q", 0)
    (tmp_path / "images.bin").write_bytes(struct.pack("<Q", 2) + first + second)
    trajectory = formats.read(tmp_path / "images.bin")
    assert moved(trajectory) == ([1, 0, 0], [0, 0, 1])
    assert trajectory.intrinsics[0].tolist() == [500, 500, 320, 240]
    (tmp_path / "images.bin").write_bytes((struct.pack("<Q", 2) + first + second)[:-3])
    with pytest.raises(InputError, match=r"images\.bin ends after"):
        formats.read(tmp_path)


POSE = "1 1 .5 .5 0 0 1 0 0 0 0 1 0 0 0 0 1 0"
NATIVE = {
    "format": "dollygrip-camera",
    "version": 1,
    "convention": "opencv-c2w",
    "fps": 24,
    "width": 128,
    "height": 72,
    "frames": [{"c2w": np.eye(4).tolist(), "fx": 100, "fy": 100, "cx": 64, "cy": 36} for _ in range(3)],
}


def changed(data, *path, value=None):
    """A copy of JSON data with the value at a path replaced, or removed where the value is None."""
    copy = json.loads(json.dumps(data))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return copy


RECAM = {f"frame{i}": {"cam01": UNREAL["start"]} for i in range(2)}
NERF = {"w": 64, "h": 64, "fl_x": 50, "frames": [{"transform_matrix": gl(0, 0, 0)}] * 2}
OPEN3D = {"class_name": "PinholeCameraTrajectory", "parameters": [open3d_camera(0)] * 2}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (changed(NATIVE, "frames", 2, "c2w", 0, 3, value=float("nan")), ["Frame 2", "NaN"]),
        (changed(NATIVE, "frames", 1, "fx"), ["frame 1", "fx"]),
        (changed(NATIVE, "frames", 1, "fx", value="wide"), ["frame 1", "fx", "wide"]),
        (changed(NATIVE, "frames", 1, "c2w", 3), ["frame 1", "4 rows of 4"]),
        (changed(NATIVE, "frames", 1, "c2w", 1, 1, value=10**400), ["frame 1", "4 rows of 4"]),
        (changed(NATIVE, "version", value=2), ["version", "2"]),
        (changed(NATIVE, "convention", value="opengl"), ["convention", "opengl"]),
        (changed(NATIVE, "colour", value="red"), ["colour"]),
        (changed(NATIVE, "frames", value=[]), ["frames"]),
        (changed(NATIVE, "width", value=0), ["0x72"]),
        (changed(NATIVE, "width", value=1.5), ["1.5"]),
        (changed(NATIVE, "fps"), ["fps"]),
        (json.dumps(NATIVE)[:-40], ["JSON", "line 1"]),
        (f"url\n0 {POSE}\n0 1 1 .5 .5 0 0 1 0 0", ["Line 3", "10 fields", "19"]),
        ("url\n0 1 1 .5 .5 0 0 1 0 0 0 0 1 0 0 0 0 1 x\n", ["Line 2", "'x'"]),
        (f"url\n5 {POSE}\n0 {POSE}", ["Line 3", "earlier"]),
        (f"0 1 1 .5 .5 0 0 1\n0 {POSE}", ["Line 1", "8 fields", "19"]),
        ("1 0 0 0 0 1 0 0 0 0 1 0\n1 0 0 0 0 1 0 0 0 0 1 5\n", ["Line 1", "12 fields", "19"]),
        (f"0 {POSE} 0 0 0 2", ["Line 1", "last row"]),
        (f"url\n0 {POSE}\n0 1 1 .5 .5 0 0 1 0 0 nan 0 1 0 0 0 0 1 0", ["Line 3", "NaN"]),
        (f"url\n0 {POSE}\nnan {POSE}\n80000 {POSE}", ["Line 3", "timestamp is not finite"]),
        (f"url\n0 {POSE}\n40000 {POSE}\ninf {POSE}", ["Line 4", "timestamp is not finite"]),
        ([[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]], ["frame 0", "12 or 16 numbers", "a list of 11"]),
        ([ZOOM_IN[0], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0]], ["Frame 1", "mirrored"]),
        ([ZOOM_IN[0], [1, 0, 0, 0, 0, 1, 0, None, 0, 0, 1, 0]], ["frame 1", "a number is expected", "None"]),
        (changed(RECAM, "frame1", "cam01", value="[1 0 0 0] [0 1"), ["cam01 of frame1", "4 rows", "[1 0 0 0] [0 1"]),
        (changed(RECAM, "frame1", value={"cam02": UNREAL["start"]}), ["frame1 has no cam01", "cam02"]),
        (changed(NERF, "frames", 1, value={"pose": []}), ["Frame 1", "transform_matrix", "'pose'"]),
        (changed(NERF, "frames", 1, "transform_matrix", 0, 0, value=3), ["Frame 1", "rotation that is none", "3"]),
        (changed(NERF, "camera_model", value="OPENCV_FISHEYE"), ["camera_model", "PINHOLE", "OPENCV_FISHEYE"]),
        (changed(NERF, "is_fisheye", value=True), ["camera_model", "PINHOLE", "FISHEYE"]),
        (changed(NERF, "frames", 1, "is_fisheye", value=True), ["camera_model", "PINHOLE", "FISHEYE"]),
        (changed(NERF, "frames", value=[]), ["1 to 20000 frames, not 0"]),
        (changed(NERF, "frames", value=[{"matrix": 1}]), ["Frame 0", "transform_matrix", "'matrix'"]),
        (changed(NERF, "fl_x", value="long"), ["frame 0's fl_x", "number", "long"]),
        (changed(NERF, "w", value=0), ["size", "0 by 64"]),
        (
            changed(OPEN3D, "parameters", 1, "extrinsic", value=[1, 2]),
            ["extrinsic of camera 1", "16 numbers", "[1, 2]"],
        ),
        (changed(OPEN3D, "parameters", value={}), ["parameters", "an empty object"]),
        (changed(OPEN3D, "parameters", 0, "intrinsic"), ["camera 0", "'intrinsic'"]),
        (arrays(points=np.zeros(3)), ["c2w (frames, 4, 4)", "points"]),
        (arrays(c2w=np.zeros((3, 4))), ["c2w", "(3, 4)"]),
        (arrays(c2w=np.array([None])), ["c2w.npy", "no array of numbers"]),
        (arrays(c2w=np.eye(4)[None], intrinsics=np.zeros((2, 4))), ["intrinsics", "(2, 4)"]),
        (b"\x93NUMPY\x01\x00\x10\x00{'shape': (8, 9   ", ["no array of numbers"]),
        (arrays(c2w=np.eye(4)[None])[:-30], [".npz"]),
        (IMAGES, ["cameras.txt", "same folder"]),
        ({"camera": 1}, ["none of the known", "an object with the keys 'camera'", "nerfstudio, open3d"]),
        ("Dear diary", ["none of the known", "Dear diary"]),
        (" \n\n", ["none of the known", "empty"]),
        (b"PXR-USDC\0\0\1", ["a USD file", "Blender's File > Import"]),
    ],
)
def test_what_is_wrong_with_a_file_is_named(content, words):
    with pytest.raises(InputError) as caught:
        read(content, "broken")
    assert all(word in str(caught.value) for word in ["broken", *words]), str(caught.value)


@pytest.mark.parametrize(
    ("cameras", "images", "words"),
    [
        ("1 OPENCV_FISHEYE 640 480 1 1 1 1 0 0 0 0", IMAGES, ["Line 1 of cameras.txt", "OPENCV_FISHEYE", "PINHOLE"]),
        ("1 PINHOLE 640 480 500", IMAGES, ["Line 1 of cameras.txt", "4 parameters, not 1"]),
        ("1 PINHOLE", IMAGES, ["Line 1 of cameras.txt", "CAMERA_ID MODEL"]),
        (CAMERAS, IMAGES.replace(" 7 frame", " 8 frame"), ["Line 2 of images.txt", "camera 8", "[1, 7]"]),
        (CAMERAS, IMAGES.replace("2 1 0 0 0", "2 2 0 0 0"), ["Line 2 of images.txt", "length 2"]),
        (CAMERAS, IMAGES.replace("2 1 0 0 0 0 0 -2", "2 1 0 0 0 0 0"), ["Line 2 of images.txt", "QW QX QY QZ"]),
        (CAMERAS, "# Image list", ["1 to 20000 images, not 0"]),
    ],
)
def test_what_is_wrong_with_a_colmap_model_is_named(tmp_path, cameras, images, words):
    colmap(tmp_path, cameras + "\n" + ("7 PINHOLE 640 480 1 1 1 1" if cameras != CAMERAS else ""), images)
    with pytest.raises(InputError) as caught:
        formats.read(tmp_path)
    assert all(word in str(caught.value) for word in words), str(caught.value)
