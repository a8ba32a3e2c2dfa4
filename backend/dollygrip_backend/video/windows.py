"""Legal lengths and sizes: how a shot of any length and size is cut into what a diffusion model accepts."""

import attrs
import numpy as np


@attrs.frozen
class Window:
    """Frames start to stop - 1 of a shot, rendered in one go.

    length: frames the model is asked for, a legal number; those beyond `stop` are padding. known: how many of its
    first frames an earlier window has made already.
    """

    start: int
    stop: int
    length: int
    known: int

    @property
    def frames(self) -> np.ndarray:
        """(length,) frame numbers in the shot; padding repeats the last one, so that the camera rests."""
        return np.minimum(np.arange(self.start, self.start + self.length), self.stop - 1)


def plan_windows(total: int, window: int, stride: int, overlap: int) -> list[Window]:
    """Cut `total` frames into windows of stride * k + 1 <= window frames, each sharing `overlap` with the one before.

    Every frame beyond the overlaps is made exactly once. Raises ValueError for lengths that are not stride * k + 1 and
    for an overlap that leaves nothing to make.
    """
    if (window - 1) % stride or (overlap - 1) % stride or not 0 < overlap < window or total < 1:
        raise ValueError(f"No windows of {window} frames with an overlap of {overlap} at a stride of {stride}.")
    windows, start, known = [], 0, 0
    while True:
        length = min(window, legal_length(total - start, stride))
        stop = min(start + length, total)
        windows.append(Window(start, stop, length, known))
        if stop == total:
            return windows
        start, known = stop - overlap, overlap


def finished_windows(windows: list[Window], lead: int, overlap: int, frames: int) -> int:
    """How many of the windows are finished where the first `frames` frames after a lead-in of `lead` are there.

    The next window shares `overlap` frames with the last of them, which must not lie in the lead-in: it is not kept.
    """
    return max((n for n, w in enumerate(windows, 1) if lead + overlap <= w.stop <= lead + frames), default=0)


def window_seed(seed: int, number: int) -> int:
    """The seed of a shot's window by its number, whatever was rendered before; that of the first is the shot's own."""
    if number == 0:
        return seed
    return int(np.random.SeedSequence((seed % 2**64, number)).generate_state(1, np.uint64)[0])


def legal_length(frames: int, stride: int) -> int:
    """The smallest stride * k + 1 that holds `frames`."""
    return -(-(frames - 1) // stride) * stride + 1


def working_size(size: tuple[int, int], multiple: int, pixels: int, smaller: bool = True) -> tuple[int, int]:
    """The size (width, height) at which a model renders a shot of `size`: legal sides, at most about `pixels`.

    smaller: whether the model also renders sizes below that well; else a small shot is made at about `pixels`, too.
    The aspect changes by rounding only. The picture and the intrinsics are scaled to it per axis, so the camera stays
    exact: it sees the same rays, through pixels that are not quite square.
    """
    scale = (pixels / (size[0] * size[1])) ** 0.5
    scale = min(1.0, scale) if smaller else scale
    return tuple(max(2, round(side * scale / multiple)) * multiple for side in size)
