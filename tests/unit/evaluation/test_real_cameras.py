"""Real clips rendered again: here the clip is a room whose depth is known, and the engine one whose fault is known."""

import gc
import json
import weakref

import attrs
import numpy as np
import pytest
from room import SIZE, camera, picture

from dollygrip import formats
from dollygrip.errors import InputError
from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory
from dollygrip_backend.evaluation import real_cameras
from dollygrip_backend.evaluation.real_cameras import clip_files, evaluate_real_cameras, read_clip
from dollygrip_backend.scene.depth import DepthEstimate
from dollygrip_backend.video import engine_info
from dollygrip_backend.video.files import write_video

FRAMES = 5
TILT = 2.0  # degrees that the engine's last frames are off


@attrs.define
class TiltedEngine:
    """Renders the room itself, the last two frames TILT degrees off, and remembers what it was asked."""

    info = engine_info("embedded")
    shots: list = attrs.field(factory=list)

    def render(self, shot, progress=None):
        self.shots.append(shot)
        c2w = shot.trajectory.c2w.copy()
        c2w[-2:, :3, :3] = c2w[-2:, :3, :3] @ matrix_from_rotvec(np.radians([TILT, 0, 0]))
        for pose, lens in zip(c2w, shot.trajectory.intrinsics, strict=True):
            yield picture(pose, lens)[0]


class TripledDepth:
    """Exact, but in a unit of its own."""

    name = "tripled"

    def estimate(self, image):
        c2w, lens = camera((0, 0.15, 0), (1.0, 0, 0.6), frames=FRAMES)
        return DepthEstimate(3 * picture(c2w[0], lens[0])[1], 60.0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    c2w, lens = camera((0, 0.15, 0), (1.0, 0, 0.6), frames=FRAMES)
    formats.write(folder / "room.txt", Trajectory(c2w, lens, SIZE, 8.0), formats.format_named("re10k"))
    write_video(folder / "room.mp4", (picture(*view)[0] for view in zip(c2w, lens, strict=True)), 8.0, crf=8)
    return folder


def test_the_depths_unit_and_the_engines_fault_are_found(clips, tmp_path, monkeypatch, capsys):
    engine = TiltedEngine()
    monkeypatch.setattr(real_cameras, "load_engine", lambda name, device: engine)
    monkeypatch.setattr(real_cameras, "load_estimator", lambda device: TripledDepth())
    (result,) = evaluate_real_cameras(clips, tmp_path)
    c2w, lens = camera((0, 0.15, 0), (1.0, 0, 0.6), frames=FRAMES)
    exact = np.median(picture(c2w[0], lens[0])[1])
    assert engine.shots[0].trajectory.scene_depth == pytest.approx(exact, rel=0.03)
    assert result.extra[-2:] == pytest.approx(TILT, abs=0.3) and np.abs(result.extra[1:-2]).max() < 0.3
    assert result.depth_error < 0.02 and result.misplaced[1] < 0.003
    down = np.tan(np.radians(TILT)) * lens[0, 1] / SIZE[0]
    assert result.misplaced[-1] == pytest.approx(down, rel=0.15)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["depth_estimator"] == "tripled"
    assert report["clips"]["room"]["rendered"]["rot_err"] == result.achieved.rot_err
    page = (tmp_path / "report.html").read_text()
    assert "room_000.jpg" in page and (tmp_path / "room_000.jpg").exists()
    assert "MotionCtrl" not in page  # its figures are sums over 16 frames
    assert "median extra rotation error" in capsys.readouterr().out


def test_clips_that_are_none_are_refused(clips, tmp_path):
    with pytest.raises(InputError, match="no clips"):
        clip_files(tmp_path)
    file = tmp_path / "room.txt"
    file.write_bytes((clips / "room.txt").read_bytes())
    assert clip_files(tmp_path) == [file]
    with pytest.raises(InputError, match="cannot be read"):
        read_clip(file, lambda size: size)
    write_video(tmp_path / "room.mp4", [np.zeros((40, 60, 3), np.uint8)] * 3, 8.0)
    with pytest.raises(InputError, match="3 frames and 5 poses"):
        read_clip(file, lambda size: size)


def test_one_clip_is_in_memory_at_a_time_and_one_that_cannot_be_read_costs_no_other(
    clips, tmp_path, monkeypatch, capsys
):
    """Every clip that is read must find those before it gone."""
    for name in ("a", "c"):
        for suffix in (".txt", ".mp4"):
            (tmp_path / name).with_suffix(suffix).write_bytes((clips / "room").with_suffix(suffix).read_bytes())
    (tmp_path / "b.txt").write_bytes((clips / "room.txt").read_bytes())
    alive, seen = [], []

    def read(file, size_of):
        gc.collect()
        seen.append(sum(clip() is not None for clip in alive))
        clip = read_clip(file, size_of)
        alive.append(weakref.ref(clip))
        return clip

    monkeypatch.setattr(real_cameras, "read_clip", read)
    monkeypatch.setattr(real_cameras, "load_engine", lambda name, device: TiltedEngine())
    monkeypatch.setattr(real_cameras, "load_estimator", lambda device: TripledDepth())
    results = evaluate_real_cameras(tmp_path, tmp_path / "out")
    assert [result.name for result in results] == ["a", "c"] and seen == [0, 0, 0]
    assert "b: left out: The video" in capsys.readouterr().out
