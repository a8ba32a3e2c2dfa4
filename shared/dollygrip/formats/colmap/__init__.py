"""COLMAP's sparse models: cameras and images as text or binary files, side by side in one folder.

images: quaternion (w, x, y, z) and translation of world-to-camera, OpenCV axes; cameras: a lens model with parameters
in pixels whose (0, 0) is the corner of the first pixel, as ours (COLMAP's doc/format.rst). Either file of the pair may
be named for reading, or their folder. Images are ordered by the numbers in their names. Distortion is left out; that of
the first camera that has any is kept in meta["ignored"]. Fisheye and panoramic models are refused. Frame rate and scale
are not in the files; points and keypoints are passed over. We write every frame as an image without keypoints, and an
empty points3D.
"""

from types import ModuleType

from dollygrip.errors import TrajectoryError
from dollygrip.formats.colmap import binary, text
from dollygrip.formats.colmap.model import view_of
from dollygrip.formats.format import FPS, SCENE_DEPTH, Assumed, Format, Source
from dollygrip.trajectory import Trajectory


def parse(source: Source, assumed: Assumed) -> Trajectory:
    named = source.name.lower()
    holds_cameras = named.startswith("cameras") or (
        not named.startswith("images") and not _kind(source).is_images(source)
    )
    wanted = "images" if holds_cameras else "cameras"
    other = source.companion(f"{wanted}.bin", f"{wanted}.txt")
    if other is None:
        raise TrajectoryError(f"COLMAP's {wanted}.txt or {wanted}.bin is expected in the same folder; there is none.")
    cameras, images = (source, other) if holds_cameras else (other, source)
    c2w, intrinsics, size, meta = view_of(_kind(cameras).cameras(cameras), _kind(images).images(images))
    return Trajectory(c2w, intrinsics, size, assumed.get("fps", FPS), assumed.get("scene_depth", SCENE_DEPTH), meta)


def _kind(source: Source) -> ModuleType:
    return text if source.text else binary


def _format(name: str, title: str, ending: str, kind: ModuleType) -> Format:
    return Format(
        name,
        title,
        (f"images.{ending}", f"cameras.{ending}"),
        frozenset({"lens", "zoom", "size"}),
        lambda source: kind.is_images(source) or kind.is_cameras(source),
        parse,
        kind.printed,
        folder=True,
    )


COLMAP_TEXT = _format("colmap", "COLMAP text models", "txt", text)
COLMAP_BINARY = _format("colmap-binary", "COLMAP binary models", "bin", binary)
