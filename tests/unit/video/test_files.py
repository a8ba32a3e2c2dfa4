"""Frames as files: read back by an independent decoder, with the colours they had."""

import av
import numpy as np
import pytest
from PIL import Image

from dollygrip.errors import InputError
from dollygrip_backend.video.files import write_frames, write_video

COLOURS = np.array([[200, 40, 40], [30, 180, 60], [40, 60, 210], [230, 220, 60], [128, 128, 128], [16, 16, 16]])


def frames(count: int, width: int = 96, height: int = 64) -> list[np.ndarray]:
    """Flat fields, one colour each: chroma subsampling cannot change them."""
    return [np.full((height, width, 3), COLOURS[i % len(COLOURS)], np.uint8) for i in range(count)]


@pytest.mark.parametrize("fps", [0.1, 24.0, 23.976, 25.0, 29.97, 60.0, 1000.0])
def test_a_video_has_the_frames_the_rate_and_the_colours(tmp_path, fps):
    path = tmp_path / "deep" / "shot.mp4"
    given = frames(7)
    write_video(path, iter(given), fps)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert float(stream.average_rate) == pytest.approx(fps, rel=1e-4)
        assert (codec.name, codec.pix_fmt, codec.width, codec.height) == ("h264", "yuv420p", 96, 64)
        assert (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range) == (1, 1, 1, 1)
    assert len(decoded) == 7
    for a, b in zip(decoded, given, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 4


def test_the_same_frames_make_the_same_file(tmp_path):
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (60, 24, 40, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        write_video(tmp_path / name, noise, 24.0)
    assert len({(tmp_path / name).read_bytes() for name in ("a.mp4", "b.mp4", "c.mp4")}) == 1


def test_odd_sides_and_no_frames_are_refused_and_leave_nothing(tmp_path):
    path = tmp_path / "shot.mp4"
    with pytest.raises(InputError, match="Use 94x64"):
        write_video(path, frames(2, width=95), 24.0)
    with pytest.raises(InputError, match="no frames"):
        write_video(path, [], 24.0)
    assert not path.exists()


@pytest.mark.parametrize("fps", [0.0004, 1e12, float("inf"), float("nan")])
def test_a_rate_that_no_video_has_is_refused_before_anything_is_made(tmp_path, fps):
    made = iter(frames(1))
    with pytest.raises(InputError, match=r"0\.1 to 1000"):
        write_video(tmp_path / "shot.mp4", made, fps)
    assert len(list(made)) == 1 and not list(tmp_path.iterdir())


def test_a_video_that_breaks_off_is_removed(tmp_path):
    def broken():
        yield from frames(2)
        raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        write_video(tmp_path / "shot.mp4", broken(), 24.0)
    assert not (tmp_path / "shot.mp4").exists()


def test_images_are_numbered_and_lossless(tmp_path):
    given = [np.random.default_rng(i).integers(0, 256, (5, 7, 3), dtype=np.uint8) for i in range(3)]
    write_frames(tmp_path / "shot", given)
    paths = sorted((tmp_path / "shot").iterdir())
    assert [p.name for p in paths] == ["0001.png", "0002.png", "0003.png"]
    for path, rgb in zip(paths, given, strict=True):
        assert (np.asarray(Image.open(path)) == rgb).all()
