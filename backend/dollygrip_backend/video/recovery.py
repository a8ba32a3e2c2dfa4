"""The camera of a video, recovered from its frames and their known lenses.

SIFT features are matched between frames near and far and verified by two-view geometry. If rotations alone explain
the matches, the camera turned, rolled or zoomed on the spot and has no translation to be found: the rotations are
adjusted together. Otherwise global structure from motion (GLOMAP, Pan et al. 2024, in pycolmap) finds rotations,
translations and points, with a final bundle adjustment that leaves the lenses alone.
"""

from collections.abc import Callable

import attrs
import numpy as np
import pycolmap
from PIL import Image

from dollygrip.errors import DollygripError, InputError
from dollygrip_backend.video.turning import turning

PARALLAX = 1.0  # pixels: less than this, at SHARE of the matches, is what features miss anyway
SHARE = 0.8
LEAST_ANGLE = 0.3  # degrees between the rays of a point; the library's 1 leaves nothing of a slow move
FEATURES = 2048  # a frame
LEAST_MATCHES = 15
LEAST_POINTS = 30
_GAPS = (1, 2, 3, 4, 5, 6, 8, 11, 15, 20, 27, 36, 48)  # frames between the two of a pair
# The share of a pair's matches on one plane, of those that any geometry explains, from which on that plane alone is
# asked for the pose: two cameras fit a plane. By the library's 0.8, a floor with little above it is such a plane.
_PLANE = 1.0
_ALIKE, _RATIO = 0.7, 0.8  # radians between descriptors; to the best over to the second best (Lowe 2004)

pycolmap.logging.minloglevel = 3


@attrs.frozen(eq=False)
class Matches:
    """points: for each frame (N, 2) image positions in pixels, continuous: the top left pixel's centre is (0.5, 0.5).

    pairs: (first frame, second frame) -> int (M, 2), indices of points that are thought to show the same thing.
    """

    points: list[np.ndarray]
    pairs: dict[tuple[int, int], np.ndarray]


@attrs.frozen(eq=False)
class Recovered:
    """A camera as its frames show it, in the world of its first recovered frame, in a unit of its own.

    c2w:     float64 (T, 4, 4), OpenCV axes; NaN for frames that could not be recovered.
    moves:   whether translation could be seen; if not, it is zero.
    anchors: float64 (N, 3): x and y in pixels of the first recovered frame, depth along its +Z, of the points in it;
             empty where the camera does not move.
    """

    c2w: np.ndarray
    moves: bool
    anchors: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """bool (T,): the frames that were recovered."""
        return np.isfinite(self.c2w).all((1, 2))

    @property
    def first(self) -> int:
        """The first recovered frame."""
        return int(np.argmax(self.found))


Progress = Callable[[int, int], None]


def recover(frames: list[np.ndarray], intrinsics: np.ndarray, progress: Progress | None = None) -> Recovered:
    """The camera of uint8 (h, w, 3) frames of one size with intrinsics (T, 4) in their pixels.

    progress(done, total) is called while frames are looked at and matched; what it raises ends it. Raises
    DollygripError where the frames do not show enough for it.
    """
    if len(frames) < 2 or len(frames) != len(intrinsics):
        raise InputError(
            f"There are {len(frames)} frames and {len(intrinsics)} lenses.", "Give two or more frames, a lens for each."
        )
    height, width = frames[0].shape[:2]
    return recover_from_matches(match_frames(frames, progress), intrinsics, (width, height))


def match_frames(frames: list[np.ndarray], progress: Progress | None = None) -> Matches:
    """SIFT features (Lowe 2004) of uint8 (h, w, 3) frames, and the mutually nearest of them in frames near and far."""
    count = len(frames)
    spans = [(i, i + gap) for gap in _GAPS for i in range(count - gap)]
    tick = progress or (lambda done, total: None)
    options = pycolmap.FeatureExtractionOptions(use_gpu=False)
    options.sift.max_num_features = FEATURES
    sift = pycolmap.FeatureExtractor.create(options, pycolmap.Device.cpu)
    points, descriptors = [], []
    for number, frame in enumerate(frames):
        tick(number, count + len(spans))
        found, values = sift.extract_from_uint8_array(np.array(Image.fromarray(frame).convert("L")))
        points.append(pycolmap.keypoints_to_matrix(found)[:, :2].astype(float))
        values = values.data.astype(np.float32)
        descriptors.append(values / np.linalg.norm(values, axis=1, keepdims=True).clip(1e-6))
    pairs = {}
    for number, (i, j) in enumerate(spans, count):
        tick(number, count + len(spans))
        if min(len(points[i]), len(points[j])) >= LEAST_MATCHES:
            pairs[i, j] = _mutual(descriptors[i], descriptors[j])
    return Matches(points, pairs)


def _mutual(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(M, 2) indices of unit descriptors (N, 128) that are each other's nearest, and clearly nearer than the next."""
    cosine = a @ b.T
    there, back = cosine.argmax(1), cosine.argmax(0)
    rows, columns = np.arange(len(a)), np.arange(len(b))
    best = cosine[rows, there]
    cosine[rows, there] = cosine[back, columns] = -1  # what is left has the second best of the mutual ones
    second = np.maximum(cosine.max(1), cosine.max(0)[there])
    best, second = (np.arccos(np.clip(c, -1, 1)) for c in (best, second))
    good = (back[there] == rows) & (best < _ALIKE) & (best < _RATIO * second)
    return np.stack([rows[good], there[good]], 1)


def recover_from_matches(matches: Matches, intrinsics: np.ndarray, size: tuple[int, int]) -> Recovered:
    """The camera that took matched points with intrinsics (T, 4) in pixels of `size`; errors as in `recover`."""
    cameras = [_camera(number, lens, size) for number, lens in enumerate(intrinsics, 1)]
    geometries = _verified(matches, cameras)
    if not geometries:
        raise _unrecovered(0, len(intrinsics))
    inliers = {pair: geometry.inlier_matches for pair, geometry in geometries.items()}
    rotations, residuals = turning(matches.points, inliers, intrinsics)
    if _parallax(residuals) >= PARALLAX:
        return _structure_from_motion(matches, geometries, cameras)
    c2w = np.tile(np.eye(4), (len(intrinsics), 1, 1))
    c2w[:, :3, :3] = rotations
    c2w[np.isnan(rotations).any((1, 2))] = np.nan
    return _checked(Recovered(c2w, False, np.zeros((0, 3))))


def _parallax(residuals: dict[tuple[int, int], np.ndarray]) -> float:
    """Pixels of the matches' motion that no rotation explains.

    The quantile SHARE of the residuals of all pairs equally far apart in time, the largest of these. A slow move shows
    only in frames far apart, which are the fewest.
    """
    by_gap: dict[int, list[np.ndarray]] = {}
    for (i, j), values in residuals.items():
        by_gap.setdefault(j - i, []).append(values)
    return max(float(np.quantile(np.concatenate(values), SHARE)) for values in by_gap.values())


def _camera(number: int, lens: np.ndarray, size: tuple[int, int]) -> pycolmap.Camera:
    camera = pycolmap.Camera(model="PINHOLE", width=size[0], height=size[1], params=lens, camera_id=number)
    camera.has_prior_focal_length = True
    return camera


def _verified(matches: Matches, cameras: list[pycolmap.Camera]) -> dict[tuple[int, int], pycolmap.TwoViewGeometry]:
    """The geometry of those pairs whose matches agree on one."""
    options = pycolmap.TwoViewGeometryOptions(
        compute_relative_pose=True, detect_watermark=False, max_H_inlier_ratio=_PLANE
    )
    options.ransac.random_seed = 0
    geometries = {}
    for (i, j), pairs in matches.pairs.items():
        if len(pairs) >= LEAST_MATCHES:
            points = cameras[i], matches.points[i], cameras[j], matches.points[j]
            geometry = pycolmap.estimate_calibrated_two_view_geometry(*points, pairs.astype(np.uint32), options)
            if len(geometry.inlier_matches) >= LEAST_MATCHES:
                geometries[i, j] = geometry
    return geometries


def _structure_from_motion(
    matches: Matches,
    geometries: dict[tuple[int, int], pycolmap.TwoViewGeometry],
    cameras: list[pycolmap.Camera],
) -> Recovered:
    options = pycolmap.GlobalPipelineOptions(random_seed=0, multiple_models=False)
    options.mapper.random_seed = 0
    options.mapper.min_tri_angle_deg = LEAST_ANGLE
    options.mapper.bundle_adjustment.refine_focal_length = False
    options.mapper.bundle_adjustment.refine_extra_params = False
    manager = pycolmap.ReconstructionManager()
    pycolmap.GlobalPipeline(options, _database(matches, geometries, cameras), manager).run()
    models = [manager.get(i) for i in range(manager.size())]
    model = max(models, key=lambda m: m.num_reg_images(), default=None)
    if model is None or len(model.points3D) < LEAST_POINTS:
        raise _unrecovered(0, len(cameras))
    c2w = np.full((len(cameras), 4, 4), np.nan)
    for image in model.images.values():
        if image.has_pose:
            c2w[image.image_id - 1] = np.eye(4)
            c2w[image.image_id - 1, :3] = image.cam_from_world().inverse().matrix()
    first = int(np.argmax(np.isfinite(c2w).all((1, 2))))
    anchors = _anchors(model, first)
    return _checked(Recovered(np.linalg.inv(c2w[first]) @ c2w, True, anchors))


def _database(
    matches: Matches,
    geometries: dict[tuple[int, int], pycolmap.TwoViewGeometry],
    cameras: list[pycolmap.Camera],
) -> pycolmap.Database:
    """In memory; image, camera, rig and frame of the video's frame i all have the number i + 1."""
    database = pycolmap.Database.open(":memory:")
    for number, (camera, points) in enumerate(zip(cameras, matches.points, strict=True), 1):
        database.write_camera(camera, use_camera_id=True)
        rig = pycolmap.Rig(rig_id=number)
        rig.add_ref_sensor(camera.sensor_id)
        database.write_rig(rig, use_rig_id=True)
        image = pycolmap.Image(name=f"{number:05d}", camera_id=number, image_id=number)
        database.write_image(image, use_image_id=True)
        frame = pycolmap.Frame(frame_id=number, rig_id=number)
        frame.add_data_id(image.data_id)
        database.write_frame(frame, use_frame_id=True)
        database.write_keypoints(number, points)
    for (i, j), geometry in geometries.items():
        database.write_matches(i + 1, j + 1, geometry.inlier_matches)
        database.write_two_view_geometry(i + 1, j + 1, geometry)
    return database


def _anchors(model: pycolmap.Reconstruction, first: int) -> np.ndarray:
    image = model.images[first + 1]
    seen = [point for point in image.points2D if point.has_point3D()]
    pose = image.cam_from_world().matrix()
    world = np.array([model.points3D[point.point3D_id].xyz for point in seen]).reshape(-1, 3)
    return np.column_stack([np.array([point.xy for point in seen]).reshape(-1, 2), world @ pose[2, :3] + pose[2, 3]])


def _checked(recovered: Recovered) -> Recovered:
    found = int(recovered.found.sum())
    if 2 * found < len(recovered.c2w) or (recovered.moves and len(recovered.anchors) < LEAST_MATCHES):
        raise _unrecovered(found, len(recovered.c2w))
    return recovered


def _unrecovered(found: int, total: int) -> DollygripError:
    return DollygripError(
        f"The frames do not show enough detail to recover their camera: {found} of {total} could be placed.",
        "Render at a larger size, or a scene with more texture.",
    )
