"""Frames to files: an H.264 video that players and editors show in the right colours, or lossless PNG images."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from dollygrip.errors import InputError

_REPEATABLE = "threads=1:lookahead_threads=1:cpu-independent=1"  # the same frames give the same bits


def write_video(path: Path | str, frames: Iterable[np.ndarray], fps: float, crf: int = 16) -> None:
    """Write uint8 (h, w, 3) sRGB frames as H.264 (yuv420p, BT.709 video range, tagged as such).

    Frames are encoded as they come. Raises InputError for odd sizes, which yuv420p cannot hold, for no frames and,
    before the first is asked for, for a rate that is none; a file that could not be finished is removed.
    """
    if not 0.1 <= fps <= 1000:
        raise InputError(f"A video cannot show {fps:g} frames a second.", "Use 0.1 to 1000, or write images.")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    try:
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            for rgb in frames:
                if not count:
                    stream = _stream(container, rgb.shape[1], rgb.shape[0], fps, crf)
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")
                frame = frame.reformat(
                    format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
                )
                frame.pts = count
                container.mux(stream.encode(frame))
                count += 1
            if not count:
                raise InputError("There are no frames to write.", "Render at least one frame.")
            container.mux(stream.encode(None))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _stream(container: av.container.OutputContainer, width: int, height: int, fps: float, crf: int) -> av.VideoStream:
    if width % 2 or height % 2:
        raise InputError(
            f"A video needs even sides, not {width}x{height}.", f"Use {width - width % 2}x{height - height % 2}."
        )
    rate = Fraction(fps).limit_denominator(1001)
    options = {"crf": str(crf), "preset": "medium", "x264-params": _REPEATABLE}
    stream = container.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = stream.codec_context.time_base = 1 / rate
    codec = stream.codec_context
    codec.colorspace, codec.color_primaries, codec.color_trc = 1, 1, 1  # BT.709 in ISO/IEC 23091-2
    codec.color_range = 1  # video range, 16 to 235
    return stream


def write_frames(folder: Path | str, frames: Iterable[np.ndarray]) -> None:
    """Write uint8 (h, w, 3) frames as folder/0001.png, 0002.png, …, as they come."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number, rgb in enumerate(frames, 1):
        Image.fromarray(rgb).save(folder / f"{number:04d}.png", compress_level=3)
