"""Blender's camera to a Trajectory, and a Trajectory to curves.

What Blender evaluates is the truth: the world matrix and the lens are sampled frame by frame from the dependency
graph, so parents, constraints, drivers and modifiers count. Formulas of the conversion are in dollygrip.conventions.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import radians
from typing import Any

import attrs
import bpy
import numpy as np

from dollygrip.conventions import (
    Sensor,
    blender_from_c2w,
    c2w_from_blender,
    intrinsics_from_lens,
    lens_from_intrinsics,
)
from dollygrip.curves import SHIFT_TOLERANCE, BezierKeys, Channel, fit_channels
from dollygrip.errors import InputError, TrajectoryError
from dollygrip.rotations import euler_xyz_from_matrix
from dollygrip.trajectory import Trajectory

from .. import compat

EYE_HEIGHT = 1.6  # metres above the ground, where no start camera is given
ASSUMED_DEPTH = 5.0  # metres, where nothing gives the scale of a camera
POSITION_TOLERANCE = 0.002  # of the scene depth
ANGLE_TOLERANCE = radians(0.15)
_SEEN = 1 / 8000  # of the image's fitted side: a quarter of a pixel in HD, half of one in UHD
_TRAVELLED = 1e-3  # of the extent of a path
_ROUNDED = 1e-6  # of the scene depth: what rounding may leave of a camera at rest
_SHOWN = 0.9  # of a picture
_SKEW = 0.01  # cosine between two axes of a camera from which on its picture is seen to be skewed


def render_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """(width, height) in pixels, resolution percentage applied."""
    render = scene.render
    return tuple(
        max(1, side * render.resolution_percentage // 100) for side in (render.resolution_x, render.resolution_y)
    )


def scene_fps(scene: bpy.types.Scene) -> float:
    return scene.render.fps / scene.render.fps_base


def sensor_of(scene: bpy.types.Scene, data: bpy.types.Camera | None) -> Sensor:
    """The sensor of a camera in a scene; without a camera, that of a new one."""
    aspect = (scene.render.pixel_aspect_x, scene.render.pixel_aspect_y)
    if data is None:
        return Sensor(render_size(scene), aspect=aspect)
    return Sensor(render_size(scene), data.sensor_width, data.sensor_height, data.sensor_fit, aspect)


def aspect(scene: bpy.types.Scene) -> float:
    """Width over height of the rendered picture as seen."""
    width, height = square_size(scene)
    return width / height


def square_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """The render size as seen on square pixels: the wider side of a non-square pixel is stretched."""
    (width, height), render = render_size(scene), scene.render
    ratio = render.pixel_aspect_x / render.pixel_aspect_y
    return (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))


def share_shown(scene: bpy.types.Scene, size: tuple[int, int], intrinsics: np.ndarray | None = None) -> float:
    """How much of a picture of `size`, 0 to 1, is left when it is cropped to the scene's aspect.

    intrinsics: (T, 4) in its pixels, which tell their shape; without them they are square.
    """
    squeeze = 1.0 if intrinsics is None else float(np.median(intrinsics[:, 1] / intrinsics[:, 0]))
    wider = size[0] / size[1] * squeeze / aspect(scene)
    return min(wider, 1 / wider)


def is_cropped(scene: bpy.types.Scene, size: tuple[int, int]) -> bool:
    """Whether the scene's aspect shows too little of a picture of `size` to go without saying."""
    return share_shown(scene, size) < _SHOWN


def crop_said(size: tuple[int, int]) -> str:
    """What became of a view that was cropped, in words."""
    return f"its view of {size[0]}x{size[1]} was cropped to the scene's aspect"


def sample(
    context: bpy.types.Context,
    first: int,
    last: int,
    camera: bpy.types.Object | None = None,
    scene_depth: float = 1.0,
) -> Trajectory:
    """The camera that Blender evaluates on frames first..last, in metres and pixels of the scene's render size.

    Without `camera` it is the scene's, frame by frame, so cameras bound to markers count. The current frame is
    restored. Raises InputError for a frame without a camera, or with one that is off, of no size or not perspective.
    """
    scene = context.scene
    matrices, intrinsics = [], []
    with playhead(scene):
        for frame in range(first, last + 1):
            scene.frame_set(frame)
            used = camera or scene.camera
            if used is None or used.type != "CAMERA":
                raise InputError(f"The scene {scene.name} has no camera.", "Add one, or predict a camera first.")
            seen = evaluated(context, used)
            check_scale(seen, frame)
            data = seen.data
            if data.type != "PERSP":
                raise InputError(
                    f"The camera {used.name} is not a perspective camera on frame {frame}.",
                    "Set its lens type to Perspective.",
                )
            matrices.append(np.array(seen.matrix_world, float))
            sensor = sensor_of(scene, data)
            intrinsics.append(intrinsics_from_lens([data.lens], [(data.shift_x, data.shift_y)], sensor)[0])
    c2w = c2w_from_blender(np.array(matrices), scene.unit_settings.scale_length)
    return Trajectory(c2w, np.array(intrinsics), render_size(scene), scene_fps(scene), scene_depth)


def evaluated(context: bpy.types.Context, camera: bpy.types.Object) -> bpy.types.Object:
    """A camera as Blender evaluates it on the current frame. Raises InputError where Blender leaves it out."""
    found = camera.evaluated_get(context.evaluated_depsgraph_get())
    if not found.is_evaluated:
        raise InputError(
            f"The camera {camera.name} is disabled in viewports, or not in this view layer, and so does not move.",
            "Enable it, or its collection, in the Outliner.",
        )
    return found


def is_in_scene(scene: bpy.types.Scene, thing: bpy.types.Object) -> bool:
    """Whether an object is in a scene or its sets; one that was deleted stays in the file while something names it."""
    seen = scene
    while seen and seen not in thing.users_scene:
        seen = seen.background_set
    return seen is not None


def check_in_scene(scene: bpy.types.Scene, thing: bpy.types.Object, field: str) -> None:
    """Raise InputError for an object that a field of the panel still names, but that is not in the scene any more."""
    if not is_in_scene(scene, thing):
        raise InputError(
            f"{thing.name} is not in the scene {scene.name}.",
            f"Choose another one under {field}, or undo its deletion.",
        )


def check_unstretched(scene: bpy.types.Scene) -> None:
    """Raise InputError where the scene stretches time: keys are seen on other frames than those that they lie on."""
    old, new = scene.render.frame_map_old, scene.render.frame_map_new
    if old != new:
        raise InputError(
            f"The scene {scene.name} stretches time from {old} to {new}, so a take is not seen on its own frames.",
            "Set Old and New to the same under Output > Frame Range > Time Stretching.",
        )


def check_scale(thing: bpy.types.Object, frame: int) -> None:
    """Raise InputError for an evaluated object whose scale is zero on a frame: it looks nowhere."""
    if min(thing.matrix_world.to_scale(), key=abs) == 0:
        raise InputError(
            f"{thing.name} is scaled to nothing on frame {frame}.",
            "Give it, and what it is parented to, another scale.",
        )


def is_skewed(context: bpy.types.Context, camera: bpy.types.Object, frame: int) -> bool:
    """Whether the scale of what a camera hangs on skews or mirrors what it sees on a frame, as no real camera does."""
    with on_frame(context.scene, frame):
        axes = np.array(evaluated(context, camera).matrix_world.to_3x3(), float)
    axes /= np.linalg.norm(axes, axis=0)
    return np.linalg.det(axes) < 0 or np.abs(axes.T @ axes - np.eye(3)).max() > _SKEW


@contextmanager
def playhead(scene: bpy.types.Scene) -> Iterator[None]:
    """Let the playhead go through frames, and put it back, with the scene's camera where markers cut on the way.

    Cameras move on all of them as by `unhidden`.
    """
    # Going to a frame evaluates what has changed without telling the handlers of updates, such as the overlay's.
    bpy.context.view_layer.update()
    kept, shown = (scene.frame_current, scene.frame_subframe), scene.camera
    try:
        with unhidden(thing for thing in scene.objects if thing.type == "CAMERA"):
            yield
    finally:
        scene.frame_set(kept[0], subframe=kept[1])
        if scene.camera != shown:
            scene.camera = shown


@contextmanager
def unhidden(cameras: Iterable[bpy.types.Object]) -> Iterator[None]:
    """Let cameras move also on frames for which they are animated to be disabled in viewports, as in a render."""
    hidden = {camera: found for camera in cameras if (found := _hiding(camera))}
    were = {camera: camera.hide_viewport for camera in hidden}
    with muted(layer for layers in hidden.values() for layer in layers):
        try:
            for camera in hidden:
                camera.hide_viewport = False
            yield
        finally:
            for camera, was in were.items():
                camera.hide_viewport = was


def _hiding(camera: bpy.types.Object) -> list[bpy.types.FCurve]:
    """Curves and drivers that disable a camera in viewports."""
    drivers = camera.animation_data.drivers if camera.animation_data else ()
    return [curve for curve in (*compat.curves_of(camera), *drivers) if curve.data_path == "hide_viewport"]


@contextmanager
def muted(layers: Iterable[bpy.types.Constraint | bpy.types.FModifier | bpy.types.FCurve]) -> Iterator[None]:
    """Leave constraints, modifiers and curves out for a while."""
    active = [layer for layer in layers if not layer.mute]
    for layer in active:
        layer.mute = True
    try:
        yield
    finally:
        for layer in active:
            layer.mute = False


@contextmanager
def on_frame(scene: bpy.types.Scene, frame: int) -> Iterator[None]:
    """Put the playhead on a frame for a while."""
    with playhead(scene):
        scene.frame_set(frame)
        yield


@attrs.frozen(eq=False)
class Placement:
    """Where a take goes in the scene, read once on the main thread so that fitting can happen off it.

    start: (4, 4) OpenCV camera-to-world in metres that frame 0 gets, or None to leave the poses as they are.
    """

    start: np.ndarray | None
    sensor: Sensor
    unit_scale: float
    frame_start: int
    fps: float

    @classmethod
    def of(
        cls,
        scene: bpy.types.Scene,
        data: bpy.types.Camera | None,
        start: np.ndarray | None,
        frame_start: int | None = None,
    ) -> "Placement":
        """Into a scene, for a camera with `data`; the take begins with the scene unless `frame_start` is given."""
        first = scene.frame_start if frame_start is None else frame_start
        return cls(start, sensor_of(scene, data), scene.unit_settings.scale_length, first, scene_fps(scene))


def level_start() -> np.ndarray:
    """The default start: above Blender's origin at eye height, level, looking along +Y."""
    start = np.eye(4)
    start[1, 3] = -EYE_HEIGHT
    return start


@attrs.frozen
class Bounds:
    """How far off the keys of a take may be on a frame.

    position: in scene depths; angle: in radians; lens: in focal lengths; shift: in the image's fitted side.
    """

    position: float = POSITION_TOLERANCE
    angle: float = ANGLE_TOLERANCE
    lens: float = 0.002
    shift: float = SHIFT_TOLERANCE

    @classmethod
    def unseen(cls, trajectory: Trajectory, sensor: Sensor) -> "Bounds":
        """Those of a placed camera to a fraction of a pixel; its path is kept, too, where its scale is a guess."""
        lens, _ = lens_from_intrinsics(trajectory.intrinsics, sensor)
        angle = _SEEN * sensor.side / float(lens.max())
        extent = float(np.linalg.norm(np.ptp(trajectory.positions, axis=0))) / trajectory.scene_depth
        return cls(min(angle, max(_TRAVELLED * extent, _ROUNDED)), angle, 2 * _SEEN, _SEEN)


@attrs.frozen(eq=False)
class FittedTake:
    """A take ready to be written into Blender: its placed dense trajectory and the sparse keys of its channels."""

    trajectory: Trajectory
    channels: dict[Channel, BezierKeys]
    sensor: Sensor
    frame_start: int
    bounds: Bounds


def place(trajectory: Trajectory, placement: Placement) -> Trajectory:
    """The trajectory at its place in the scene, at the scene's frame rate and render size, in metres.

    The reference pose in `meta` moves with it. Another frame rate keeps the duration and changes the frame count.
    """
    if abs(trajectory.fps - placement.fps) > 1e-6:
        frames = round((len(trajectory) - 1) * placement.fps / trajectory.fps) + 1
        trajectory = trajectory.resampled(frames, placement.fps)
    move = np.eye(4) if placement.start is None else placement.start @ np.linalg.inv(trajectory.c2w[0])
    sensor = placement.sensor
    intrinsics = reframed(trajectory.intrinsics, trajectory.size, sensor.size, sensor.pixel_ratio)
    meta = dict(trajectory.meta)
    if reference := reference_pose(meta):
        seen = reframed(np.array([reference["intrinsics"]]), trajectory.size, sensor.size, sensor.pixel_ratio)[0]
        c2w = move @ np.array(reference["c2w"])
        meta["reference"] = {**reference, "c2w": c2w.tolist(), "intrinsics": seen.tolist()}
    return attrs.evolve(trajectory, c2w=move @ trajectory.c2w, intrinsics=intrinsics, size=sensor.size, meta=meta)


def reframed(intrinsics: np.ndarray, size: tuple[int, int], to: tuple[int, int], pixel_ratio: float) -> np.ndarray:
    """(T, 4) intrinsics of an image of `size` after it was centre-cropped to the aspect of `to` and resized.

    pixel_ratio: height over width of a pixel of `to`. Pixels that change their shape on the way get that one, too.
    """
    scales = _cover(size, to, pixel_ratio * intrinsics[:, 1] / intrinsics[:, 0])
    centre = (intrinsics[:, 2:] - np.array(size) / 2) * scales + np.array(to) / 2
    return np.concatenate([intrinsics[:, :2] * scales, centre], 1)


def in_picture(intrinsics: np.ndarray, size: tuple[int, int], picture: tuple[int, int]) -> np.ndarray:
    """The inverse of `reframed`: (T, 4) intrinsics of the cropped view of `size` in square pixels of the picture."""
    scales = _cover(picture, size, intrinsics[:, 0] / intrinsics[:, 1])
    centre = (intrinsics[:, 2:] - np.array(size) / 2) / scales + np.array(picture) / 2
    return np.concatenate([intrinsics[:, :2] / scales, centre], 1)


def reference_pose(meta: dict[str, Any]) -> dict[str, Any] | None:
    """meta["reference"] where it holds the pose and lens of the reference; raises TrajectoryError for a broken one."""
    pose = meta.get("reference")
    if not isinstance(pose, dict) or "c2w" not in pose:
        return None
    try:
        Trajectory(np.array([pose["c2w"]]), np.array([pose["intrinsics"]]), (1, 1), 1.0)
    except (KeyError, TypeError, ValueError) as error:
        raise TrajectoryError(
            f"The camera's meta 'reference' is not a pose with intrinsics: {error}",
            "Predict the camera again, or remove 'reference' from its meta.",
        ) from error
    return pose


def subject_at(trajectory: Trajectory, unit: float) -> np.ndarray | None:
    """(3,) in Blender's world, `unit` metres each: where the thing is that the prompt names; None where it names none,
    or none that was found."""
    place, pose = trajectory.meta.get("subject_at"), reference_pose(trajectory.meta)
    if pose is None or not isinstance(place, list) or [type(value) for value in place] != 3 * [float]:
        return None
    there = np.array(pose["c2w"])
    there[:3, 3] += there[:3, :3] @ place
    return blender_from_c2w(there, unit)[:3, 3]


def reference_seen(
    pose: dict[str, Any], size: tuple[int, int], sampled: Trajectory, picture: tuple[int, int] | None
) -> dict[str, Any]:
    """meta["reference"] of a take, in pixels of `size`, for a camera that was sampled at perhaps another size.

    picture: (width, height) of the reference, which tells what the first crop left out; None where it is not known.
    """
    fx, fy = sampled.intrinsics[0, :2]
    seen = np.array([pose["intrinsics"]])
    if picture:
        seen, size = in_picture(seen, size, picture), picture
    return {**pose, "intrinsics": reframed(seen, size, sampled.size, fx / fy)[0].tolist()}


def _cover(size: tuple[int, int], to: tuple[int, int], squeeze: np.ndarray) -> np.ndarray:
    """Scales (T, 2) of x and y, x being `squeeze` (T,) times y, with which an image of `size` just covers `to`."""
    across = np.maximum(to[0] / size[0], to[1] * squeeze / size[1])
    return np.stack([across, across / squeeze], 1)


def fit(trajectory: Trajectory, placement: Placement, tolerance: float = POSITION_TOLERANCE) -> FittedTake:
    """Place a trajectory and fit its curves; plain numpy, so any thread may do it. tolerance: in scene depths."""
    placed = place(trajectory, placement)
    return _fitted(placed, placement.sensor, placement.frame_start, Bounds(tolerance), placement.unit_scale)


def fit_unseen(trajectory: Trajectory, placement: Placement) -> FittedTake:
    """As `fit`, so closely that no difference is seen: where the camera is a measured one, as from a match-mover."""
    placed = place(trajectory, placement)
    bounds = Bounds.unseen(placed, placement.sensor)
    return _fitted(placed, placement.sensor, placement.frame_start, bounds, placement.unit_scale)


def fit_under(take: FittedTake, parents: np.ndarray, unit: float) -> FittedTake:
    """A take that is seen where `take` is, by a camera under `parents` (T, 4, 4) in Blender's axes and units.

    Its dense camera is relative to them, as its curves are; the reference in its meta stays in the world.
    """
    world = blender_from_c2w(take.trajectory.c2w, unit)
    local = attrs.evolve(take.trajectory, c2w=c2w_from_blender(np.linalg.inv(parents) @ world, unit))
    scale = np.linalg.norm(parents[:, :3, :3], axis=1).max()
    return _fitted(local, take.sensor, take.frame_start, take.bounds, unit, scale)


def _fitted(
    trajectory: Trajectory, sensor: Sensor, frame_start: int, bounds: Bounds, unit: float, scale: float = 1.0
) -> FittedTake:
    """scale: of what the trajectory is relative to."""
    matrices = blender_from_c2w(trajectory.c2w, unit)
    lens, shift = lens_from_intrinsics(trajectory.intrinsics, sensor)
    channels = fit_channels(
        matrices[:, :3, 3],
        euler_xyz_from_matrix(matrices[:, :3, :3]),
        lens,
        shift,
        frame_start,
        bounds.position * trajectory.scene_depth / (unit * scale),
        bounds.angle,
        bounds.lens,
        bounds.shift,
    )
    return FittedTake(trajectory, channels, sensor, frame_start, bounds)
