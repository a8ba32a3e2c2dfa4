"""What commands read and write: images, depth maps, and outputs that appear whole or not at all."""

import contextlib
import os
import re
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from dollygrip.errors import InputError
from dollygrip.npy import load_array
from dollygrip.protocol.messages import MAX_PIXELS
from dollygrip_backend.endings import endings

Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def read_image(path: Path) -> np.ndarray:
    """uint8 (H, W, 3) sRGB, turned upright by its EXIF orientation; transparency lies on black.

    Raises InputError naming the file where it is missing, no image, damaged or too large.
    """
    try:
        with (
            warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
            Image.open(path) as image,
        ):
            upright = ImageOps.exif_transpose(image)
            if upright.mode == "F":  # PIL's own conversion would make 0 to 1 black
                raise ValueError("its pixels are floating-point numbers")
            if upright.mode.startswith("I"):  # 16 bits: PIL's own conversion would clip instead of scale
                grey = np.asarray(upright)
                if grey.min() < 0 or grey.max() > 65535:
                    raise ValueError("its pixels are 32-bit numbers")
                upright = Image.fromarray(np.uint8(grey / 257 + 0.5))
            if upright.has_transparency_data:  # which the conversion would drop, showing what lies hidden
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "black"), upright.convert("RGBA"))
            return np.array(upright.convert("RGB"))
    except FileNotFoundError:
        raise InputError(f"There is no image {path}.", "Check the path.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"The image {path} has more than {MAX_PIXELS >> 20} megapixels.", "Scale it down.") from None
    except (OSError, SyntaxError, ValueError) as error:  # PIL raises SyntaxError for broken PNG files
        raise InputError(f"The image {path} cannot be read: {error}.", "Give a PNG or JPEG file.") from error


def read_depth(path: Path | None) -> np.ndarray | None:
    """float32 (H, W) along +Z from a NumPy file."""
    if path is None:
        return None
    try:
        depth = load_array(path)
    except (OSError, ValueError) as error:
        raise InputError(f"The depth {path} cannot be read: {error}.", "Give a .npy file of floats.") from error
    if depth.ndim != 2 or depth.dtype.kind not in "fiu":
        raise InputError(f"The depth {path} is no two-dimensional array of numbers.", "Give a .npy file of floats.")
    return depth.astype(np.float32)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, of the same ending, that takes its place if the block succeeds.

    Raises InputError, before the block, where a folder has that name.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a file to write.", "Choose another name.")
    _make_folder(path.parent)
    part = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_sequence(folder: Path, earlier: int = 0) -> Iterator[Path]:
    """A temporary folder whose files move to `folder` if the block succeeds.

    They take the place of the shot of `earlier` frames, 0001.png and so on, that is there already, so that no frames
    of two shots mix; other files stay. Raises InputError, before the block, for numbered images that are none of it
    and where a file has the folder's name.
    """
    check_folder(folder)
    replaced = {folder / f"{number:04d}.png" for number in range(1, earlier + 1)}
    numbered = (path for path in _files(folder) if re.fullmatch(r"(?i)\d{4,}\.png", path.name))
    if other := next((path for path in numbered if path not in replaced), None):
        raise InputError(
            f"The folder {folder} has numbered images that are no earlier shot's, such as {other.name}.",
            "Choose another folder, or move them away.",
        )
    _make_folder(folder.parent)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield part
        _make_folder(folder)
        for old in replaced:
            old.unlink(missing_ok=True)
        for new in part.iterdir():
            new.replace(folder / new.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def uninterrupted() -> Iterator[Callable[[], object]]:
    """Yields a function from whose call on Ctrl-C and being told to end are ignored until the block has ended.

    For what moves into place file by file, in a moment, and would be left half moved.
    """
    before = {number: signal.getsignal(number) for number in endings()}
    try:
        yield lambda: [signal.signal(number, signal.SIG_IGN) for number in before]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_folder(folder: Path) -> None:
    """Raise InputError where something that is no folder has its name."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, not a folder to write to.", "Choose another name, or move it away.")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} is no folder to write to: {error.strerror}.", "Choose another place.") from error
