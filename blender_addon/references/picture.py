"""Pictures in and out: the reference image through Blender's own loader, the frames as PNG files."""

import hashlib
import struct
import zlib
from functools import lru_cache
from pathlib import Path

import bpy
import numpy as np

from dollygrip.errors import InputError
from dollygrip.protocol.messages import MAX_PIXELS
from dollygrip.whole import whole

from .. import compat, picture_file

_KIND = bytes((8, 2, 0, 0, 0))  # of a PNG: 8 bits of red, green and blue, not interlaced
_LINEAR_FORMATS = {"OPEN_EXR", "OPEN_EXR_MULTILAYER", "HDR"}
_WITH_ALPHA = {16, 32}  # bits of a pixel of 8 bits a channel
_LARGEST = 2560  # pixels a side: twice the shots that a graphics card paints by default


def is_chosen(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """Poll of operators on the reference that is asked for, which need not be there."""
    chosen = bool(context.scene.dollygrip.brief.reference.strip())
    if not chosen:
        operator.poll_message_set("Choose a reference picture first")
    return chosen


def read_picture(path: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """The image file at `path` ("//" is relative to the .blend) as sRGB uint8 (height, width, 3), read-only.

    As a viewer shows it, and `dollygrip` on the command line reads it: turned upright, transparency on black. The
    file's own bytes, untouched by colour management, for formats that hold sRGB; EXR and HDR files hold linear light
    and are encoded. A picture of more than 2560 pixels a side is scaled down to that. A file that is gone but packed
    into the .blend is read from there. size: (width, height) to stretch it to where it has another.
    Raises InputError where the file is missing, no picture, cut short or too large.
    """
    if not path.strip():
        raise InputError("No reference picture is chosen.", "Pick an image file under Reference.")
    absolute = Path(bpy.path.abspath(path))
    if compat.is_file(absolute):
        found = absolute.stat()
        return _read_file(absolute, size, (found.st_mtime_ns, found.st_size))
    if packed := _packed(absolute):
        return _taken(packed.copy(), packed.packed_file.data, size, f"The packed picture {packed.name}")
    wrong = "is a folder" if compat.is_folder(absolute) else "does not exist"
    raise InputError(f"The reference picture {absolute} {wrong}.", "Pick another file under Reference.")


@lru_cache(maxsize=2)  # predicting, rendering and live direction read the same one again
def _read_file(absolute: Path, size: tuple[int, int] | None, _stamp: tuple[int, int]) -> np.ndarray:
    """See `read_picture`; _stamp: what tells this state of the file from others."""
    name = f"The reference picture {absolute}"
    try:
        data = picture_file.read(absolute)
        image = bpy.data.images.load(str(absolute), check_existing=False)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{name} cannot be opened: {error}.") from error
    return _taken(image, data, size, name)


def _taken(image: bpy.types.Image, data: bytes, size: tuple[int, int] | None, name: str) -> np.ndarray:
    """The picture of an Image, which is removed then; data: what picture_file reads of its file."""
    try:
        _check_still(image, name)
        if not picture_file.is_whole(data):
            raise InputError(f"{name} is cut short: its file ends before the picture does.", "Copy or save it again.")
        if stored := picture_file.size(data):
            _check_size(stored, name)  # before Blender reads the pixels, which it does when asked for their size
        _check_size(image.size, name)
        linear = image.file_format in _LINEAR_FORMATS  # Blender then gives linear light, by the file's own colour space
        if not linear:
            _take_as_data(image)
        wanted = size or _bounded(image.size)
        if tuple(image.size) != wanted:
            image.scale(*wanted)
        pixels = pixels_of(image, linear, name)
    finally:
        bpy.data.images.remove(image)
    pixels = np.ascontiguousarray(picture_file.upright(pixels, picture_file.orientation(data)))
    pixels.flags.writeable = False
    return pixels


def image_showing(rgb: np.ndarray) -> bpy.types.Image:
    """A new Image of this file that shows an sRGB uint8 (height, width, 3) picture."""
    height, width = rgb.shape[:2]
    image = bpy.data.images.new("Reference", width, height)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = rgb[::-1] / np.float32(255)
    image.pixels.foreach_set(rgba.ravel())
    return image


def is_there(path: str) -> bool:
    """Whether `read_picture` finds anything to read: the file, or what was packed from there."""
    absolute = Path(bpy.path.abspath(path))
    return compat.is_file(absolute) or _packed(absolute) is not None


def orientation_of(path: str) -> int:
    """How the picture at `path` is stored, in the file or packed from there; see picture_file."""
    absolute = Path(bpy.path.abspath(path))
    try:
        return picture_file.orientation(picture_file.read(absolute))
    except OSError:
        packed = _packed(absolute)
        return picture_file.orientation(packed.packed_file.data) if packed else 1


def _check_still(image: bpy.types.Image, name: str) -> None:
    """Raise InputError for what Blender takes for a movie."""
    if image.source == "MOVIE":
        if image.filepath.lower().endswith(".gif"):
            raise InputError(f"{name} is a GIF.", "Save it as PNG or JPEG.")
        raise InputError(
            f"{name} is a movie.",
            "Add it to the sequencer, and take a frame of it by From This File > Sequencer Frame.",
        )


def _check_size(size: tuple[int, int], name: str) -> None:
    """Raise InputError for an image without pixels, or with more than the backend takes."""
    if not all(size):
        raise InputError(f"{name} is damaged or not a picture.", "Pick another one under Reference: a PNG or JPEG.")
    if size[0] * size[1] > MAX_PIXELS:
        raise InputError(f"{name} has more than {MAX_PIXELS >> 20} megapixels.", "Scale it down.")


def _bounded(size: tuple[int, int]) -> tuple[int, int]:
    """The same shape, of at most _LARGEST pixels a side."""
    scale = min(1.0, _LARGEST / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def is_bounded(image: np.ndarray) -> bool:
    """Whether what `read_picture` returns may have been scaled down, which the command line does not do: its
    fingerprint may be another there."""
    return max(image.shape[:2]) == _LARGEST


def _take_as_data(image: bpy.types.Image) -> None:
    """Let Blender give an image's values as they are stored."""
    try:
        image.colorspace_settings.name = "Non-Color"
    except TypeError:  # a studio's colour configuration calls it otherwise
        image.colorspace_settings.is_data = True


def _packed(absolute: Path) -> bpy.types.Image | None:
    """The image of this file that was packed from there."""
    packed = (image for image in bpy.data.images if image.packed_file)
    return next((i for i in packed if Path(bpy.path.abspath(i.filepath, library=i.library)) == absolute), None)


def pixels_of(image: bpy.types.Image, linear: bool, name: str = "") -> np.ndarray:
    """An Image as sRGB uint8 (height, width, 3), top row first; linear: its values are linear light, to be encoded.

    Transparency lies on black. Raises InputError, with the `name` that the user knows, for an image without pixels or
    with too many.
    """
    _check_size(image.size, name or f"The image {image.name}")
    width, height = image.size
    pixels = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    pixels = pixels.reshape(height, width, -1)[::-1]
    rgb = pixels[..., :3] if pixels.shape[2] >= 3 else np.repeat(pixels[..., :1], 3, -1)
    if image.is_float:
        rgb = np.clip(np.nan_to_num(rgb), 0, 1)
    elif image.depth in _WITH_ALPHA and image.alpha_mode != "CHANNEL_PACKED" and pixels[..., 3].min() < 1:
        rgb *= pixels[..., 3:]  # Blender has done so to floats
    if linear:
        rgb = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    rgb *= 255
    rgb += 0.5
    return rgb.astype(np.uint8)


def read_png(path: Path) -> np.ndarray:
    """A file of `write_png` as uint8 (height, width, 3), on any thread; raises InputError for any other file."""
    try:
        data = path.read_bytes()
        width, height = struct.unpack_from(">II", data, 16)
        start = data.index(b"IDAT") + 4
        rows = zlib.decompressobj().decompress(data[start:], height * (width * 3 + 1))
        filtered = np.frombuffer(rows, np.uint8).reshape(height, width * 3 + 1)
        if data[24:29] != _KIND or (filtered[:, 0] != 2).any():
            raise ValueError("another kind of PNG")
    except (OSError, ValueError, struct.error, zlib.error) as error:
        raise InputError(
            f"The frame {path} is gone, or not as Dollygrip wrote it: {error}.", "Render the shot again."
        ) from error
    return np.add.accumulate(filtered[:, 1:], dtype=np.uint8).reshape(height, width, 3)


def fingerprint(image: np.ndarray) -> str:
    """sha256 of the picture's RGB bytes: the identity of a reference, whatever its file is called."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write uint8 (height, width, 3) losslessly, whole or not at all, without the main thread or colour management.

    Rows are filtered by their difference to the row above (PNG filter 2); zlib works outside Python's lock.
    """
    height, width = rgb.shape[:2]
    rows = np.ascontiguousarray(rgb).reshape(height, width * 3)
    filtered = np.empty((height, width * 3 + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    chunks = (
        (b"IHDR", struct.pack(">II", width, height) + _KIND),
        (b"sRGB", b"\0"),
        (b"IDAT", zlib.compress(filtered.data, 1)),
        (b"IEND", b""),
    )
    data = [b"\x89PNG\r\n\x1a\n"]
    for name, body in chunks:
        data += [struct.pack(">I", len(body)), name, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))]
    with whole(path) as part:
        part.write_bytes(b"".join(data))
