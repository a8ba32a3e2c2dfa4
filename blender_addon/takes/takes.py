"""Takes: every predicted or loaded camera is an Action of its own in the list of a Dollygrip camera.

An Action of a take carries its provenance as custom properties under "dollygrip" and the dense camera it was fitted
from, so nothing of a prediction is lost when its curves are edited or another take is shown. It points to its reference
as an Image, whose path Blender keeps right when a file is saved elsewhere, moved with its folder or appended from. A
fake user keeps it when its camera is deleted.
"""

import json
import os
import re
import uuid
from collections import defaultdict
from collections.abc import Container
from itertools import count
from pathlib import Path
from typing import Any, Self

import attrs
import bpy
import numpy as np

from dollygrip.errors import InputError
from dollygrip.trajectory import Trajectory

from .. import brief, compat, linked
from ..camera import curve_parts, parents
from ..camera.camera import FittedTake, fit_under
from . import census, helpers, selection, settings, written
from .plan import in_words, strange_in_words, subject_in_words

KEY = "dollygrip"
_REFERENCE = "dollygrip_reference"
_BEZIER, _ALIGNED = 2, 3  # RNA values of Keyframe.interpolation and handle types


def is_camera(thing: bpy.types.Object | None) -> bool:
    """Whether an object is a Dollygrip camera: one that has a list of takes."""
    return thing is not None and thing.get(KEY) == "camera" and thing.type == "CAMERA"


def find_camera(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The Dollygrip camera that the scene shows, else its first one, if there is one yet."""
    if is_camera(scene.camera):
        return scene.camera
    return next(iter(cameras_of(scene)), None)


def cameras_of(scene: bpy.types.Scene) -> dict[bpy.types.Object, int]:
    """The Dollygrip cameras of a scene, in the order of its objects, with their places among those."""
    return {thing: place for thing, place in census.marked(scene, KEY).items() if is_camera(thing)}


def brief_of(scene: bpy.types.Scene, camera: bpy.types.Object | None = None) -> bpy.types.PropertyGroup:
    """What is asked of a shot. Where `camera` is none: of the one that is shown, or of the first that will be."""
    shot = camera if is_camera(camera) else find_camera(scene)
    return shot.dollygrip_shot.brief if shot else scene.dollygrip.draft


def briefs() -> list[tuple[bpy.types.ID, bpy.types.PropertyGroup]]:
    """What is asked of this file's own shots and scenes, each with the datablock that it lies in."""
    found = [(camera, camera.dollygrip_shot.brief) for camera in bpy.data.objects if is_camera(camera)]
    found += [(scene, scene.dollygrip.draft) for scene in bpy.data.scenes]
    return [(owner, asked) for owner, asked in found if not library_of(owner)]


def new_camera(scene: bpy.types.Scene, but: Container[str] = ()) -> bpy.types.Object:
    """A Dollygrip camera without takes; but: as `make_shot`. Raises InputError for a linked scene.

    In a scene of any unit it sees as near and far, and is drawn as large, in metres: Blender's own numbers are units.
    """
    linked.check(scene)
    name = _free_name()
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    camera.data.clip_start /= scene.unit_settings.scale_length
    camera.data.clip_end /= scene.unit_settings.scale_length
    camera.data.display_size /= scene.unit_settings.scale_length
    make_shot(scene, camera, but)
    camera.rotation_mode = "XYZ"
    scene.collection.objects.link(camera)
    return camera


def _free_name() -> str:
    """What the next shot is called: short and by number, so that lists and markers show what tells shots apart."""
    names = (f"Shot {number:02}" for number in count(1))
    return next(name for name in names if name not in bpy.data.objects)


def make_shot(scene: bpy.types.Scene, camera: bpy.types.Object, but: Container[str] = ()) -> None:
    """Let a camera object be a Dollygrip camera, one with a list of takes.

    What the scene shows as asked is asked of it, but for these properties.
    """
    if not is_camera(camera):
        own = camera.dollygrip_shot.brief
        brief.hand_over(brief_of(scene), own, but)
        own.reference = chosen_reference(scene)  # a linked shot's is relative to another file
        camera[KEY] = "camera"
        census.forget()


@attrs.frozen
class Named:
    """An object that is found again, also where it was renamed meanwhile; uid: 0 where a file names it."""

    name: str = ""
    uid: int = 0

    @classmethod
    def of(cls, thing: bpy.types.Object | None) -> Self:
        return cls(thing.name, thing.session_uid) if thing else cls()

    @classmethod
    def noted(cls, scene: bpy.types.Scene, name: str) -> Self:
        """What a file names, from then on also where it is renamed."""
        found = cls(name).find(scene)
        return cls.of(found) if found else cls(name)

    @property
    def now(self) -> str:
        """What that object is called by now, for a file to name it; where it is gone, as it was called."""
        return next((thing.name for thing in bpy.data.objects if thing.session_uid == self.uid), self.name)

    def find(self, scene: bpy.types.Scene) -> bpy.types.Object | None:
        """That object of a scene, else the one of its name; never a linked one, which may have the same."""
        own = [thing for thing in scene.objects if not thing.library]
        same = [thing for thing in own if thing.session_uid == self.uid]
        return next(iter(same or [thing for thing in own if thing.name == self.name]), None)


def check_own(camera: bpy.types.Object | None) -> None:
    """Raise InputError for a camera that is linked: its list of takes is saved in its own file only."""
    for owner in (camera, camera.data) if camera else ():
        if owner.library or owner.override_library:
            raise InputError(
                f"{owner.name} is linked from another file, so its takes cannot be changed in this one.",
                "Make it local (Object > Relations > Make Local), or press New Shot.",
            )


def own_brief(scene: bpy.types.Scene) -> bpy.types.PropertyGroup:
    """What is asked of the shot that is shown, to be written; raises InputError as `check_own`."""
    check_own(find_camera(scene))
    return brief_of(scene)


def ensure_camera(scene: bpy.types.Scene, like: bpy.types.Camera | None = None) -> bpy.types.Object:
    """The Dollygrip camera of `find_camera`, made if there is none, with the sensor of `like`; see `see_like`."""
    if camera := find_camera(scene):
        check_own(camera)
        return camera
    camera = new_camera(scene)
    if like is not None:
        see_like(camera.data, like)
    return camera


def see_like(data: bpy.types.Camera, like: bpy.types.Camera) -> None:
    """Give a new camera the sensor of another. It sees all that the other does, and as near and far as a new one:
    a shot goes where the other camera, whose clipping suits its own place, does not."""
    for name in ("sensor_fit", "sensor_width", "sensor_height"):
        setattr(data, name, getattr(like, name))
    data.clip_start = min(data.clip_start, like.clip_start)
    data.clip_end = max(data.clip_end, like.clip_end)


def add(
    scene: bpy.types.Scene,
    take: FittedTake,
    name: str,
    provenance: dict[str, Any],
    like: bpy.types.Camera | None = None,
    camera: bpy.types.Object | None = None,
) -> bpy.types.Action:
    """Write a fitted take as a new Action of `camera` (that of `ensure_camera` by default), list it and show it.

    It is seen where it was placed in the world, whatever the camera is parented to.
    The camera becomes the scene's, unless another Dollygrip camera is; the scene's is selected. provenance: `reference`
    is the picture's path. Raises InputError as `check_own`, and for a linked scene or a parent without scale.
    """
    camera = camera or ensure_camera(scene, like)
    check_own(camera)
    action, pose_curves, lens_curves = compat.new_take_action(name)
    action.use_fake_user = action.use_frame_range = True
    action.frame_start, action.frame_end = take.frame_start, take.frame_start + len(take.trajectory) - 1
    record(action, take.trajectory, provenance)
    settings.give(action, "XYZ", take.sensor)
    enlist(camera, action)  # before its keys are written: the rig of the take before hides the parent
    if camera.parent:
        try:
            with bpy.context.temp_override(scene=scene):
                above = parents.of(bpy.context, camera, *frame_range(action))
        except InputError:
            remove(camera, place_of(camera, action))
            raise
        take = fit_under(take, above, scene.unit_settings.scale_length)
        record(action, take.trajectory, provenance)
    for (path, index), keys in take.channels.items():
        curves, group = (pose_curves, "Camera") if path in ("location", "rotation_euler") else (lens_curves, "Lens")
        write_keys(compat.new_fcurve(curves, path, index, group), keys)
    written.mark(action)
    if not is_camera(scene.camera):
        scene.camera = camera
    if scene.camera == camera:
        selection.choose_camera(scene)
    return action


def record(action: bpy.types.Action, trajectory: Trajectory, provenance: dict[str, Any]) -> None:
    """Make an Action a take, with an id that stays: what it was made from, and the dense camera."""
    action[KEY] = {
        **{key: value for key, value in provenance.items() if value is not None},
        "id": action[KEY]["id"] if is_take(action) else uuid.uuid4().hex,
        "scene_depth": trajectory.scene_depth,
        "meta": json.dumps(trajectory.meta),
        "size": list(trajectory.size),
        "fps": trajectory.fps,
        "c2w": trajectory.c2w.ravel(),
        "intrinsics": trajectory.intrinsics.ravel(),
    }
    if reference := provenance.get("reference"):
        action[_REFERENCE] = _image(reference)


def _image(path: str) -> bpy.types.Image:
    """The picture at `path` as an Image; it need not exist any more.

    Its path is relative to a saved .blend where the picture lies beside or below that, or was chosen so: with its
    project it may be moved. Others stay where they are when the project is.
    """
    absolute = bpy.path.abspath(path)
    found = next((image for image in bpy.data.images if bpy.path.abspath(image.filepath) == absolute), None)
    if found is None:
        try:
            found = bpy.data.images.load(absolute)  # in the colour space of its kind
        except RuntimeError:
            found = bpy.data.images.new(Path(absolute).name, 1, 1)
            found.source = "FILE"
        travels = path.startswith("//") or Path(absolute).is_relative_to(bpy.path.abspath("//"))
        found.filepath = beside(absolute) if travels else absolute
    return found


def beside(path: str | Path) -> str:
    """A path relative to the .blend ("//"), so that both may be moved together; absolute where there is no such."""
    try:
        return bpy.path.relpath(str(path)) if bpy.data.filepath else str(path)
    except ValueError:  # another drive
        return str(path)


def enlist(camera: bpy.types.Object, action: bpy.types.Action) -> None:
    """List a take as the last of a camera's, and show it."""
    state = camera.dollygrip_shot
    state.takes.add().action = action
    state.take_index = len(state.takes) - 1


def place_of(camera: bpy.types.Object, action: bpy.types.Action | None) -> int:
    """Where a camera's list has this take; -1 where it does not."""
    listed = [entry.action for entry in camera.dollygrip_shot.takes]
    return listed.index(action) if action in listed else -1


def remove(camera: bpy.types.Object, index: int) -> None:
    """Take the take at `index` off a camera's list; where it was shown, the one after it, or the last, is instead.

    Its Action and picture go too where nothing else in the file uses them. Raises IndexError.
    """
    state = camera.dollygrip_shot
    action, showing = state.takes[index].action, state.take_index
    state.takes.remove(index)
    if index == showing and shown(camera) == action:
        compat.assign_take(camera, None)
    state.take_index = min(showing - (index < showing), len(state.takes) - 1)
    if action and not bpy.data.user_map(subset={action})[action]:
        image = action.get(_REFERENCE)
        helpers.discard(action)
        compat.remove_take_action(action)
        if image and not image.users:
            bpy.data.images.remove(image)


def cameras() -> list[bpy.types.Object]:
    """The Dollygrip cameras of this file and of those it links, without deleted ones that only briefs still name."""
    found = [thing for thing in bpy.data.objects if is_camera(thing)]
    asked = [camera.dollygrip_shot.brief for camera in found] + [scene.dollygrip.draft for scene in bpy.data.scenes]
    named = [thing for each in asked for thing in (each.start, each.subject_object)]
    return [camera for camera in found if camera.library or camera.users > named.count(camera)]


def unlisted() -> list[bpy.types.Action]:
    """The takes of this file that no camera lists: appended by themselves, or their camera was deleted."""
    in_scenes = (camera for scene in bpy.data.scenes for camera in cameras_of(scene))
    listed = {entry.action for camera in in_scenes for entry in camera.dollygrip_shot.takes}
    found = [action for action in bpy.data.actions if is_take(action) and action not in listed]
    if found:  # or a camera that is in no scene lists them
        listed = {entry.action for camera in cameras() for entry in camera.dollygrip_shot.takes}
    return [action for action in found if action not in listed]


def protect_listed() -> None:
    """Give every listed take its fake user: one that was appended has none, and would go with its camera."""
    for camera in filter(is_camera, bpy.data.objects):
        for entry in camera.dollygrip_shot.takes:
            if entry.action and not entry.action.library:
                entry.action.use_fake_user = True


def slide_part(action: bpy.types.Action, by: int) -> None:
    """The part that was re-directed last is `by` frames later now."""
    if "range" in action[KEY]:
        action[KEY]["range"] = [frame + by for frame in action[KEY]["range"]]


def is_take(action: bpy.types.Action | None) -> bool:
    return action is not None and KEY in action


def with_id(take_id: str, camera: bpy.types.Object | None = None) -> bpy.types.Action | None:
    """The take with this id in its provenance, whatever it is called by now; in the list of `camera` before others."""
    listed = [entry.action for entry in camera.dollygrip_shot.takes] if camera else []
    return next((a for a in [*listed, *bpy.data.actions] if is_take(a) and a[KEY].get("id") == take_id), None)


def received(job: str) -> int:
    """How many takes of a job are in the file already."""
    stored = (provenance(action) for action in bpy.data.actions if is_take(action))
    return max((made_from.get("take", 0) for made_from in stored if made_from.get("job") == job), default=0)


def name_of(prompt: str) -> str:
    """A short name for a take: the first words of its prompt.

    In quotation marks where Blender would take its end for the number of a copy, and call the next one “zoom in 2.001”.
    """
    words = " ".join(prompt.split())
    if len(words) > 40:
        return words[:39].rsplit(" ", 1)[0] + " …"
    return f"“{words}”" if re.search(r"\.[0-9]+$", words) else words


def name_of_copy(action: bpy.types.Action) -> str:
    """What a copy of a take is called: as the take, which may bear its prompt without the quotation marks of `name_of`;
    Blender numbers it."""
    plain = action.name == " ".join(action[KEY].get("prompt", "").split())
    return name_of(action.name) if plain else action.name


def in_short(names: list[str]) -> str:
    """What takes are called where a message has room for one name."""
    return names[0] if len(names) == 1 else f"{len(names)} takes"


def write_keys(curve: bpy.types.FCurve, keys) -> None:
    """Fill an empty F-curve with Bézier keys (dollygrip.curves.BezierKeys), all at once.

    None of them is selected, for selected keys say which part is to be directed anew.
    """
    points = curve.keyframe_points
    count = len(keys.frames)
    points.add(count)
    points.foreach_set("co", np.stack([keys.frames, keys.values], 1).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(count, _BEZIER, np.int32))
    for side, handles in (("left", keys.left), ("right", keys.right)):
        points.foreach_set(f"handle_{side}_type", np.full(count, _ALIGNED, np.int32))
        points.foreach_set(f"handle_{side}", handles.astype(np.float32).ravel())
    curve_parts.deselect(curve)
    curve.update()


def shown(camera: bpy.types.Object | None) -> bpy.types.Action | None:
    """The take that animates this camera, if one does."""
    action = camera.animation_data.action if camera and camera.animation_data else None
    return action if is_take(action) else None


def label_of(camera: bpy.types.Object, action: bpy.types.Action) -> str:
    """What tells one of a camera's takes from its others: the seed, "–" for a loaded one, with its number where one job
    made several; for those of the same words also their length or strength where these differ, else a number."""
    listed = [entry.action for entry in camera.dollygrip_shot.takes if is_take(entry.action)]
    numbers = defaultdict(set)
    for take in listed:
        numbers[take[KEY].get("job")].add(take[KEY].get("take"))
    labels = {take: _seed_said(take[KEY], numbers) for take in listed}
    for said in (_length_said, _strength_said):
        for alike in _alike(labels):
            if len(set(map(said, alike))) > 1:
                labels |= {take: f"{labels[take]} {said(take)}" for take in alike}
    for alike in _alike(labels):
        labels |= {take: f"{labels[take]} ({place})" for place, take in enumerate(alike, 1) if place > 1}
    return labels[action]


def _seed_said(own: Any, numbers: dict[str | None, set[int | None]]) -> str:
    """own: a take's provenance; numbers: of all takes of each job."""
    several = "job" in own and len(numbers[own["job"]]) > 1
    return f"#{own.get('seed', '–')}" + (f".{own['take']}" if several else "")


def _alike(labels: dict[bpy.types.Action, str]) -> list[list[bpy.types.Action]]:
    """Takes of the same words and label."""
    groups = defaultdict(list)
    for take, label in labels.items():
        groups[take[KEY].get("prompt"), label].append(take)
    return list(groups.values())


def _length_said(take: bpy.types.Action) -> str:
    first, last = frame_range(take)
    return f"{last - first + 1}f"


def _strength_said(take: bpy.types.Action) -> str:
    return f"×{take[KEY].get('strength', 1):.3g}"


def scene_depth(action: bpy.types.Action) -> float:
    """Metres to the middle ground of the take's reference: its scale."""
    return action[KEY]["scene_depth"]


def provenance(action: bpy.types.Action) -> dict[str, Any]:
    """Prompt, seed, model, scene_depth … of a take, without its dense camera; `meta` decoded, `reference` absolute."""
    stored = action[KEY].to_dict()
    for dense in ("c2w", "intrinsics"):
        stored.pop(dense)
    return {**stored, "meta": json.loads(stored["meta"]), "reference": reference(action)}


def has_exact_depth(action: bpy.types.Action | None) -> bool:
    """Whether a take's depth is that of the scene's own geometry, which its reference shows."""
    return is_take(action) and bool(action[KEY].get("exact_depth"))


def reference(action: bpy.types.Action) -> str:
    """Absolute path of the take's picture, "" for a take without one."""
    image = action.get(_REFERENCE)
    return os.path.normpath(bpy.path.abspath(image.filepath, library=image.library)) if image else ""


def chosen_reference(scene: bpy.types.Scene, camera: bpy.types.Object | None = None) -> str:
    """Path of the reference that is asked for; camera: as `brief_of`. A linked shot's is absolute.

    Where there is no such file, the picture of that name of the take that is shown: when a shot is made local or
    appended to a file elsewhere, Blender keeps an Image's path right, and not this one.
    """
    asked, take = brief_of(scene, camera), shown(camera if is_camera(camera) else find_camera(scene))
    library = library_of(asked.id_data)
    path = bpy.path.abspath(asked.reference, library=library) if library else asked.reference
    absolute = Path(bpy.path.abspath(path))
    if take is None or not path.strip() or compat.is_file(absolute):
        return path
    of_take = reference(take)
    return of_take if Path(of_take).name == absolute.name else path


def library_of(owner: bpy.types.ID) -> bpy.types.Library | None:
    """The file that a datablock's text is from: of an override, too, for a brief is not overridden."""
    override = owner.override_library
    return owner.library or (override.reference.library if override else None)


def reference_image(action: bpy.types.Action) -> bpy.types.Image | None:
    """The take's picture as the Image that knows where it is."""
    return action.get(_REFERENCE)


def directed(action: bpy.types.Action) -> str:
    """What the director turned the prompt into; "" where there was none, or it left the prompt as it is."""
    direction = json.loads(action[KEY]["meta"]).get("director", {})
    return direction.get("prompt", "") if direction.get("prompt") != direction.get("asked") else ""


def understood(action: bpy.types.Action) -> str:
    """How the predictor read the prompt, where it found what that names, and how far the nearest surface is from the
    path, in a line; "" if not known."""
    meta = json.loads(action[KEY]["meta"])
    plan, near = meta.get("plan"), meta.get("clearance")
    said = [in_words(plan, meta.get("gaze"))] if isinstance(plan, str) else []
    said += filter(None, [strange_in_words(meta), subject_in_words(meta)])
    if isinstance(near, float):
        said.append(f"nearest surface {near * scene_depth(action):.2g} m away")
    return "; ".join(said)


def dense(action: bpy.types.Action) -> Trajectory:
    """The trajectory that the take's curves were fitted from, in metres, relative to the parent it was made under."""
    stored = action[KEY]
    c2w, intrinsics = (np.array(stored[name]) for name in ("c2w", "intrinsics"))
    return Trajectory(
        c2w.reshape(-1, 4, 4),
        intrinsics.reshape(-1, 4),
        tuple(stored["size"]),
        stored["fps"],
        stored["scene_depth"],
        json.loads(stored["meta"]),
    )


def frame_range(action: bpy.types.Action) -> tuple[int, int]:
    """First and last frame of a take: its manual frame range, which the animator may change."""
    return int(action.frame_start), int(action.frame_end)


def keys_outside(action: bpy.types.Action) -> tuple[int, int] | None:
    """First and last frame with keys of a take, where they reach out of its frame range; None where they do not."""
    spans = [curve.range() for curve in compat.take_curves(action) if curve.keyframe_points and not curve.mute]
    first, last = frame_range(action)
    begins = round(min((span[0] for span in spans), default=first))
    ends = round(max((span[1] for span in spans), default=last))
    return (begins, ends) if begins < first or ends > last else None
