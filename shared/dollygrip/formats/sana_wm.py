"""Cameras for SANA-WM (arXiv 2605.15178) as NumPy files: one .npz, or its command line's pair of .npy files.

c2w (T, 4, 4), camera-to-world with OpenCV axes, and intrinsics [fx, fy, cx, cy] or 3x3 matrices, for all frames or
each, in pixels of the reference image. We add size (width, height), fps and scene_depth to an .npz. On reading, other
usual names will do, also world-to-camera ones; without a size the principal point is the image's centre. A .npy holds
the poses; its intrinsics lie beside it: demo_pose.npy, demo_intrinsics.npy. Pickled objects are never read.
"""

import io
import lzma
import math
import struct
import tokenize
import zipfile
import zlib

import numpy as np

from dollygrip.errors import TrajectoryError
from dollygrip.formats.format import FPS, MAX_BYTES, SCENE_DEPTH, SIZE, Assumed, Format, Source
from dollygrip.formats.reading import inverse, is_normalised, rigid, size_of_centre, whole
from dollygrip.trajectory import MAX_FRAMES, Trajectory

_C2W = ("c2w", "c2ws", "cam_c2w", "camera_to_world", "cam2world", "poses", "pose", "camera_poses", "trajectory", "data")
_W2C = ("w2c", "w2cs", "world_to_camera", "world2cam", "extrinsics", "extrinsic", "viewmats")
_INTRINSICS = ("intrinsics", "intrinsic", "K", "Ks", "camera_intrinsics")
_SIZES = ("size", "width", "height", "w", "h", "W", "H")
# What zipfile raises for damaged archives, unknown compression and passwords.
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, struct.error, lzma.LZMAError, EOFError, KeyError)
_BROKEN_ZIP += (ValueError, NotImplementedError, RuntimeError, OSError)
_ZIP, _NPY = b"PK\x03\x04", b"\x93NUMPY"


def recognises(source: Source) -> bool:
    return source.data.startswith((_ZIP, _NPY))


def parse(source: Source, assumed: Assumed) -> Trajectory:
    arrays = _pair(source) if source.data.startswith(_NPY) else _unzipped(source)
    name = next((name for name in _C2W + _W2C if name in arrays), None)
    if name is None:
        raise TrajectoryError(
            f"It has the arrays {', '.join(sorted(arrays)[:12]) or '(none)'}; poses are expected as c2w (frames, 4, 4)."
        )
    poses = _poses(arrays[name], name)
    c2w = inverse(poses) if name in _W2C else poses
    lens = next((_intrinsics(arrays[key], key, len(c2w)) for key in _INTRINSICS if key in arrays), None)
    size = _size(arrays)
    if lens is None:
        size = size or assumed.get("size", SIZE)
        lens = assumed.lens(len(c2w), size)
    elif is_normalised(lens):
        size = size or assumed.get("size", SIZE)
        lens = lens * np.tile(size, 2)
    size = size or assumed.get("size", lambda: size_of_centre(lens))
    fps = _scalar(arrays, "fps") if "fps" in arrays else assumed.get("fps", FPS)
    depth = _scalar(arrays, "scene_depth") if "scene_depth" in arrays else assumed.get("scene_depth", SCENE_DEPTH)
    return Trajectory(c2w, lens, size, fps, depth)


def print_(trajectory: Trajectory, name: str) -> dict[str, bytes]:
    if name.lower().endswith("_pose.npy"):
        beside = name[: -len("_pose.npy")] + "_intrinsics.npy"
        return {name: _npy(trajectory.c2w), beside: _npy(trajectory.intrinsics)}
    buffer = io.BytesIO()
    np.savez(
        buffer,
        c2w=trajectory.c2w,
        intrinsics=trajectory.intrinsics,
        size=np.array(trajectory.size),
        fps=np.array(trajectory.fps),
        scene_depth=np.array(trajectory.scene_depth),
    )
    return {name: buffer.getvalue()}


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _pair(source: Source) -> dict[str, np.ndarray]:
    stem = source.name.removesuffix(".npy")
    beside = source.companion(f"{stem.removesuffix('_pose')}_intrinsics.npy", "intrinsics.npy")
    arrays = {"c2w": _array(source.data, source.name)}
    return {**arrays, "intrinsics": _array(beside.data, beside.name)} if beside else arrays


def _unzipped(source: Source) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if sum(info.file_size for info in members) > MAX_BYTES:
                raise TrajectoryError(f"Its arrays unpack to more than {MAX_BYTES >> 20} MB.")
            wanted = {f"{name}.npy" for name in (*_C2W, *_W2C, *_INTRINSICS, *_SIZES, "fps", "scene_depth")}
            known = [info for info in members if info.filename in wanted]
            if not known:
                names = ", ".join(info.filename for info in members[:12]) or "none"
                raise TrajectoryError(f"Poses are expected as an array c2w (frames, 4, 4); its arrays are: {names}.")
            return {info.filename[:-4]: _array(archive.read(info), info.filename) for info in known}
    except TrajectoryError:
        raise
    except _BROKEN_ZIP as error:
        raise TrajectoryError(f"It is not a whole .npz file: {error}.", "Write the file again.") from error


def _array(data: bytes, name: str) -> np.ndarray:
    """A .npy file's numbers as float64; the header is checked before anything is allocated."""
    stream = io.BytesIO(data)
    try:
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = read_header[np.lib.format.read_magic(stream)](stream)
        if dtype.kind not in "fiu" or math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
            raise ValueError(f"it says {dtype} {shape}, which is no array of {len(data)} bytes of numbers")
        stream.seek(0)
        return np.load(stream, allow_pickle=False).astype(float)
    except (ValueError, KeyError, EOFError, TypeError, SyntaxError, tokenize.TokenError) as error:
        raise TrajectoryError(f"{name} is no array of numbers: {error}.", "Write it with numpy.save.") from error


def _poses(array: np.ndarray, name: str) -> np.ndarray:
    """(T, 4, 4) from (T, 4, 4), (T, 3, 4) or a batch of one of these."""
    shape = array.shape
    array = array[0] if array.ndim == 4 and len(array) == 1 else array
    if array.ndim != 3 or array.shape[1:] not in ((4, 4), (3, 4)) or not 1 <= len(array) <= MAX_FRAMES:
        raise TrajectoryError(f"{name} must have the shape (1 to {MAX_FRAMES} frames, 4, 4), not {shape}.")
    if array.shape[1] == 3:
        array = np.concatenate([array, np.tile([[[0.0, 0, 0, 1]]], (len(array), 1, 1))], 1)
    return rigid(array)


def _intrinsics(array: np.ndarray, name: str, frames: int) -> np.ndarray:
    """(T, 4) from (4,), (T, 4), (3, 3) or (T, 3, 3)."""
    shape = array.shape
    array = array[0] if array.ndim == 4 and len(array) == 1 else array
    if array.shape[-2:] == (3, 3):
        array = np.stack([array[..., 0, 0], array[..., 1, 1], array[..., 0, 2], array[..., 1, 2]], -1)
    if array.shape in ((4,), (1, 4)):
        array = np.tile(array.reshape(1, 4), (frames, 1))
    if array.shape != (frames, 4):
        raise TrajectoryError(
            f"{name} must have the shape ({frames}, 4), ({frames}, 3, 3), (4,) or (3, 3), not {shape}."
        )
    return array


def _size(arrays: dict[str, np.ndarray]) -> tuple[int, int] | None:
    """The image size that the arrays tell: size (width, height), or a width and a height."""
    if "size" in arrays:
        if arrays["size"].shape != (2,):
            raise TrajectoryError(f"size must be (width, height), not of the shape {arrays['size'].shape}.")
        return whole(tuple(arrays["size"]))
    pairs = (("width", "height"), ("w", "h"), ("W", "H"))
    found = next((pair for pair in pairs if pair[0] in arrays and pair[1] in arrays), None)
    return whole(tuple(_scalar(arrays, name) for name in found)) if found else None


def _scalar(arrays: dict[str, np.ndarray], name: str) -> float:
    if arrays[name].size != 1:
        raise TrajectoryError(f"{name} must be a single number, not of the shape {arrays[name].shape}.")
    return float(arrays[name].reshape(()))


SANA_WM = Format(
    "sana-wm",
    "SANA-WM arrays",
    (".npz", "_pose.npy"),
    frozenset({"lens", "zoom", "size", "fps", "scene_depth"}),
    recognises,
    parse,
    print_,
    narrower={"_pose.npy": frozenset({"lens", "zoom"})},
)
