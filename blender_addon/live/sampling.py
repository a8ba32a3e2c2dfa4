"""Takes of a shot as Blender evaluates them on all their frames, without touching the scene that is being worked in.

Copies of the camera, one for each take, are evaluated in a scene of their own that lives as long as the call: parents,
rigs, constraints and drivers come along as dependencies, everything else does not. The current frame stays where it is,
and so do poses that have not been keyed. Handlers of frame changes are not called, for they would be told of a scene
that is about to go, on each frame of a take that is edited: what they do by themselves is not drawn.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import bpy
import numpy as np

from .. import compat
from ..camera.camera import unhidden
from ..rigs import rigs
from ..takes import helpers, takes

MOST_SAMPLES = 250  # of a take; longer ones are sampled every few frames
MOST_KEYS = 24  # frustums of a take; where there are more keys, every few frames get one


@attrs.frozen(eq=False)
class Sampled:
    """A camera on some of its frames.

    frames (N,); matrices (N, 4, 4): Blender's world matrices; corners (N, 4, 3): of the view at distance 1, in the
    camera's axes; keys (K,): indices of the samples that lie on keys.
    """

    frames: np.ndarray
    matrices: np.ndarray
    corners: np.ndarray
    keys: np.ndarray

    @property
    def positions(self) -> np.ndarray:
        """(N, 3) in the world."""
        return self.matrices[:, :3, 3]


@attrs.frozen(eq=False)
class _Stand:
    """A copy of the camera that shows one take."""

    action: bpy.types.Action
    camera: bpy.types.Object
    frames: np.ndarray
    keys: np.ndarray


def sample(scene: bpy.types.Scene, shot: bpy.types.Object, actions: list[bpy.types.Action]) -> list[Sampled]:
    """The takes `actions` of a shot's camera, each on its own frames, as its rig, parents and constraints move it."""
    with _stage(scene) as stage:
        stands = [_stand(stage, shot, action) for action in actions]
        seen: dict[int, list] = {i: [] for i in range(len(stands))}
        with unhidden(stand.camera for stand in stands), _unheard():
            for frame in sorted({frame for stand in stands for frame in stand.frames.tolist()}):
                stage.frame_set(frame)
                depsgraph = stage.view_layers[0].depsgraph
                for i, stand in enumerate(stands):
                    if frame in stand.frames:
                        evaluated = stand.camera.evaluated_get(depsgraph)
                        corners = evaluated.data.view_frame(scene=stage)
                        seen[i].append((np.array(evaluated.matrix_world), np.array(corners)))
    return [
        Sampled(stand.frames, *_both(seen[i]), np.searchsorted(stand.frames, stand.keys))
        for i, stand in enumerate(stands)
    ]


def _both(seen: list) -> tuple[np.ndarray, np.ndarray]:
    """Matrices, and corners at distance 1; an orthographic view's are as wide as they are."""
    matrices, corners = (np.array(each, float) for each in zip(*seen, strict=True))
    return matrices, corners / np.abs(corners[:, :1, 2:])


@contextmanager
def _stage(scene: bpy.types.Scene) -> Iterator[bpy.types.Scene]:
    """A scene with the picture and frame rate of another, removed with all its objects afterwards."""
    stage = bpy.data.scenes.new("Dollygrip Sampling")
    try:
        for name in ("resolution_x", "resolution_y", "resolution_percentage", "pixel_aspect_x", "pixel_aspect_y"):
            setattr(stage.render, name, getattr(scene.render, name))
        stage.render.fps, stage.render.fps_base = scene.render.fps, scene.render.fps_base
        yield stage
    finally:
        # A rig's helper that was in no collection may have been linked here: it lives on with its take.
        copies = [thing for thing in stage.collection.objects if thing.get(_COPY)]
        bpy.data.scenes.remove(stage)
        bpy.data.batch_remove([data for thing in copies for data in (thing, thing.data)])


@contextmanager
def _unheard() -> Iterator[None]:
    """Change frames without the handlers of that; afterwards there are the same in the same order."""
    kept = [(handlers, list(handlers)) for handlers in _HANDLERS]
    for handlers in _HANDLERS:
        handlers.clear()
    try:
        yield
    finally:
        for handlers, before in kept:
            handlers[:] = before


_HANDLERS = bpy.app.handlers.frame_change_pre, bpy.app.handlers.frame_change_post
_COPY = "dollygrip_sampling"


def _stand(stage: bpy.types.Scene, shot: bpy.types.Object, action: bpy.types.Action) -> _Stand:
    camera = shot.copy()
    camera.data, camera[_COPY] = shot.data.copy(), True
    camera.hide_viewport = False  # Blender would not move it: unlike the shot it is not its scene's camera
    stage.collection.objects.link(camera)
    if takes.shown(camera) != action:
        compat.assign_take(camera, action)
        rigs.show(camera, action)
    first, last = takes.frame_range(action)
    keys = key_frames(action, first, last)
    step = -(-(last - first + 1) // MOST_SAMPLES)
    frames = np.unique(np.concatenate([np.arange(first, last + 1, step), [last], keys]))
    return _Stand(action, camera, frames.astype(int), keys)


def key_frames(action: bpy.types.Action, first: int, last: int) -> np.ndarray:
    """Whole frames of a take that get a frustum: those of the keys that move the camera, and both ends."""
    curves = [curve for curve in compat.object_curves(action) if not curve.mute] + helpers.subject_curves(action)
    keys = {round(point.co.x) for curve in curves for point in curve.keyframe_points} | {first, last}
    inside = sorted(key for key in keys if first <= key <= last)
    if len(inside) > MOST_KEYS:
        inside = np.unique(np.linspace(first, last, MOST_KEYS).round())
    return np.array(inside, int)


def dependencies(shot: bpy.types.Object, actions: list[bpy.types.Action]) -> set[bpy.types.ID]:
    """All datablocks whose change may move a camera of these takes: what it hangs on, follows, and is driven by."""
    found: set[bpy.types.ID] = set(actions)
    waiting = [shot, *filter(None, map(helpers.helper_of, actions))]
    while waiting:
        thing = waiting.pop()
        if thing in found:
            continue
        found.add(thing)
        if not isinstance(thing, bpy.types.Object):
            continue
        targets = [thing.parent, thing.data]
        for constraint in thing.constraints:
            targets.append(getattr(constraint, "target", None))
            targets += [each.target for each in getattr(constraint, "targets", ())]
        if animation := thing.animation_data:
            targets.append(animation.action)
            targets += [strip.action for track in animation.nla_tracks for strip in track.strips]
            variables = (variable for driver in animation.drivers for variable in driver.driver.variables)
            targets += [target.id for variable in variables for target in variable.targets]
        waiting += [target for target in targets if target is not None]
    return found
