"""Stage 1 in Blender: the prompt and the reference picture become takes."""

from typing import Any, Self

import attrs
import bpy
import cattrs
import numpy as np

from dollygrip.client import TakeReady
from dollygrip.conventions import Sensor, blender_from_c2w, c2w_from_blender
from dollygrip.errors import InputError
from dollygrip.protocol import Limits, PredictRequest, Welcome
from dollygrip.trajectory import MAX_FRAMES, Trajectory

from .. import linked
from ..backend.session import Outcome, push_undo
from ..backend.worker import Tell
from ..camera import camera, depths, parents
from ..references import references, subject
from ..references.picture import fingerprint, read_picture
from ..rigs import overruled, rigs
from ..shots import shots
from ..takes import takes

OWN = ("seed", "model", "take", "meta", "id", "job", "scene_depth", "size", "fps")  # of a take's own provenance


@attrs.define
class PredictCamera:
    """A task of the session: every trajectory that comes back becomes a take of one shot.

    shot: its camera; where that is not there, the takes go to the shot that is shown, or a new one.
    request: None for a job that is attached to again; now_seen: the camera that became the scene's in place of another;
    cropped: the reference's (width, height) where the scene's aspect leaves a good part of it out.
    overruled: what keeps the camera off its newest take, in words.
    picture: where the reference lies, also when the file is saved elsewhere meanwhile.
    """

    scene_name: str
    request: PredictRequest | None
    arrays: dict[str, np.ndarray]
    placement: camera.Placement
    provenance: dict[str, Any]
    shot: takes.Named
    title: str = "Predicting the camera"
    job_id: str = ""
    made: list[str] = attrs.field(factory=list)
    now_seen: str = ""
    cropped: tuple[int, int] | None = None
    overruled: str = ""
    picture: str = attrs.field(init=False)

    together = True

    def __attrs_post_init__(self) -> None:
        self.picture = bpy.path.abspath(self.provenance["reference"])

    @classmethod
    def of(cls, context: bpy.types.Context) -> Self:
        """What is asked of the shot that is shown; raises InputError with the first thing that is wrong."""
        scene = context.scene
        linked.check(scene)
        camera.check_unstretched(scene)
        brief = scene.dollygrip.brief
        check_prompt(brief.prompt)
        if not 2 <= brief.frame_count <= MAX_FRAMES:
            raise InputError(
                f"A camera move has 2 to {MAX_FRAMES} frames, not {brief.frame_count}.", "Change Frames in the panel."
            )
        check_takes(brief.takes)
        reference = takes.chosen_reference(scene)
        image = read_picture(reference)
        arrays = {"image": image}
        shot = takes.find_camera(scene)
        takes.check_own(shot)
        first = shots.first_frame(scene, shot)
        start, seen, rig = camera.level_start(), None, brief.start or shot
        if brief.start:
            camera.check_in_scene(scene, brief.start, "Start At")
            seen = camera.sample(context, first, first, brief.start)
            start = seen.c2w[0]
            if brief.exact_depth:
                references.check_unmoved(scene, seen)
                arrays["depth"] = exact_depth(context, image, seen, first, brief.start)
        point, distance = subject.of(context, image, seen, first)
        request = PredictRequest(
            prompt=brief.prompt.strip(),
            frames=brief.frame_count,
            fps=camera.scene_fps(scene),
            seed=brief.seed,
            takes=brief.takes,
            size=camera.square_size(scene),
            **({} if seen is None else lens_of(image, seen)),
            scene_depth=None if "depth" in arrays else depths.known_depth(context, seen, first, brief.start),
            strength=brief.strength,
            subject=point,
            subject_depth=distance,
            up=up_of(start),
            direct=brief.use_director,
        )
        provenance = {
            "prompt": request.prompt,
            "reference": reference,
            "reference_sha256": fingerprint(image),
            "strength": brief.strength,
            "exact_depth": "depth" in arrays,
            "subject": point,
            "subject_depth": distance,
            "parent_take": "",
        }
        placement = camera.Placement.of(scene, rig and rig.data, start, first)
        named, cropped = takes.Named.of(shot), _cropped(scene, image)
        return cls(scene.name, request, arrays, placement, provenance, named, cropped=cropped)

    @classmethod
    def like(cls, context: bpy.types.Context, shot: bpy.types.Object, take: bpy.types.Action, count: int) -> Self:
        """Takes of as many frames that obey the same prompt, from the same place and picture, by a seed that this file
        has not used."""
        scene, made_from = context.scene, takes.provenance(take)
        camera.check_unstretched(scene)
        check_takes(count)
        prompt = made_from.get("prompt", "")
        if not (prompt and made_from["reference"]):
            raise InputError(f"The take {take.name} was not predicted.", "Choose a take with a prompt and a reference.")
        image, dense = read_picture(made_from["reference"]), takes.dense(take)
        arrays, first, unit = {"image": image}, takes.frame_range(take)[0], scene.unit_settings.scale_length
        above = parents.of(context, rigs.mount_of(shot), first, first)
        start = c2w_from_blender(above @ blender_from_c2w(dense.c2w[:1], unit), unit)[0]
        pose = camera.reference_pose(dense.meta) or {"c2w": start, "intrinsics": dense.intrinsics[0]}
        seen = attrs.evolve(dense, c2w=np.array([pose["c2w"]]), intrinsics=np.array([pose["intrinsics"]]))
        if made_from.get("exact_depth"):
            arrays["depth"] = exact_depth(context, image, seen, first, shot)
        request = PredictRequest(
            prompt=takes.directed(take) or prompt,
            frames=len(dense),
            fps=camera.scene_fps(scene),
            seed=unused_seed(prompt),
            takes=count,
            size=camera.square_size(scene),
            **lens_of(image, seen),
            scene_depth=None if "depth" in arrays else dense.scene_depth,
            strength=made_from.get("strength", 1.0),
            subject=tuple(made_from["subject"]) if "subject" in made_from else None,
            subject_depth=made_from.get("subject_depth"),
            up=up_of(start),
        )
        provenance = {key: value for key, value in made_from.items() if key not in OWN}
        provenance |= {"reference_sha256": fingerprint(image), "parent_take": made_from.get("id", "")}
        placement = camera.Placement.of(scene, shot.data, start, first)
        named, cropped = takes.Named.of(shot), _cropped(scene, image)
        return cls(scene.name, request, arrays, placement, provenance, named, cropped=cropped)

    @classmethod
    def resumed(cls, scene: bpy.types.Scene, record: dict[str, Any]) -> Self:
        """The task that made this record, to be attached to its job again."""
        placed = record["placement"]
        placement = camera.Placement(
            start=np.array(placed["start"], float).reshape(4, 4),
            sensor=cattrs.structure(placed["sensor"], Sensor),
            unit_scale=float(placed["unit_scale"]),
            frame_start=int(placed["frame_start"]),
            fps=float(placed["fps"]),
        )
        provenance = dict(record["provenance"])
        check_prompt(provenance["prompt"])
        shot = takes.Named.noted(scene, str(record["shot"]))
        return cls(scene.name, None, {}, placement, provenance, shot, job_id=str(record["job"]))

    def record(self) -> dict[str, Any]:
        placement = self.placement
        placed = {**attrs.asdict(placement, recurse=False), "start": placement.start.ravel().tolist()}
        return {
            "job": self.job_id,
            "shot": self.shot.now,
            "provenance": {**self.provenance, "reference": takes.beside(self.picture)},
            "placement": {**placed, "sensor": attrs.asdict(placement.sensor)},
        }

    @property
    def received(self) -> int:
        """Takes of the job that are in the file already."""
        return takes.received(self.job_id)

    def build(self, _welcome: Welcome, _tell: Tell) -> tuple[PredictRequest, dict[str, np.ndarray]]:
        return self.request, self.arrays

    def prepare(self, event: TakeReady) -> tuple[int, camera.FittedTake]:
        return event.index, camera.fit(event.trajectory, self.placement)

    def deliver(self, scene: bpy.types.Scene, prepared: tuple[int, camera.FittedTake]) -> None:
        index, fitted = prepared
        meta = fitted.trajectory.meta
        own = {"seed": meta.get("seed"), "model": meta.get("model"), "take": index + 1, "job": self.job_id}
        found = self.shot.find(scene)
        shot = found if takes.is_camera(found) else None
        start = takes.brief_of(scene, shot).start
        like = start and start.data
        name = takes.name_of(self.provenance["prompt"])
        before = scene.camera
        if self.provenance["reference"].startswith("//"):
            own["reference"] = takes.beside(self.picture)
        action = takes.add(scene, fitted, name, {**self.provenance, **own}, like, shot)
        self.made.append(action.name)
        if before not in (None, scene.camera):
            self.now_seen = scene.camera.name
        with bpy.context.temp_override(scene=scene):
            shot = shot or takes.find_camera(scene)
            self.shot = takes.Named.of(shot)
            self.overruled = overruled.said(bpy.context, shot, *takes.frame_range(action))

    def finish(self, scene: bpy.types.Scene, outcome: Outcome) -> None:
        scene.dollygrip.notice, scene.dollygrip.about = self.said(), self.shot.uid
        if scene.dollygrip.notice:
            push_undo("Predict Camera")
        elif outcome.state == "cancelled":
            scene.dollygrip.notice = "Cancelled: no camera was made."

    def said(self) -> str:
        """What was made, in words; "" where nothing was."""
        made = [action for name in self.made if (action := bpy.data.actions.get(name))]
        if not made:
            return ""
        first, last = takes.frame_range(made[-1])
        said = f"{takes.in_short(self.made)}: frames {first} to {last}."
        if self.now_seen:
            said += f" {self.now_seen} is the scene's camera now."
        if self.cropped:
            said += f" {camera.crop_said(self.cropped).capitalize()}."
        if moves := takes.directed(made[-1]):
            said += f" Directed as “{moves}”."
        if read := takes.understood(made[-1]):
            said += f" Understood as: {read}."
        return f"{said} {self.overruled}".strip()


def _cropped(scene: bpy.types.Scene, image: np.ndarray) -> tuple[int, int] | None:
    """(width, height) of a reference that is cropped by so much that it is said."""
    size = image.shape[1], image.shape[0]
    return size if camera.is_cropped(scene, size) else None


def exact_depth(
    context: bpy.types.Context, image: np.ndarray, seen: Trajectory, frame: int, seen_by: bpy.types.Object
) -> np.ndarray:
    """Depth of the scene's geometry for a picture that frame 0 of `seen`, a camera's, shows centre-cropped."""
    size = image.shape[1], image.shape[0]
    return depths.depth_map(context, seen.c2w[0], _lens(image, seen), size, frame, seen_by)


def lens_of(image: np.ndarray, seen: Trajectory) -> dict[str, Any]:
    """What a request says of the lens of a picture that frame 0 of `seen` shows centre-cropped."""
    fx, _, cx, cy = _lens(image, seen)
    height, width = image.shape[:2]
    return {"view_degrees": float(np.degrees(2 * np.arctan(width / 2 / fx))), "centre": (cx / width, cy / height)}


def up_of(pose: np.ndarray) -> tuple[float, float, float]:
    """Where the sky is in the axes of a camera at `pose` (4, 4)."""
    return tuple((-pose[1, :3]).tolist())


def _lens(image: np.ndarray, seen: Trajectory) -> np.ndarray:
    """(4,) intrinsics of the whole picture, in its pixels, where frame 0 of `seen` shows it centre-cropped."""
    return camera.in_picture(seen.intrinsics, seen.size, (image.shape[1], image.shape[0]))[0]


def unused_seed(prompt: str) -> int:
    """One above the largest seed of the file's takes of this prompt."""
    stored = (takes.provenance(action) for action in bpy.data.actions if takes.is_take(action))
    return 1 + max((int(s.get("seed", 0)) for s in stored if s.get("prompt") == prompt), default=0)


def check_takes(count: int) -> None:
    """Raise InputError for a number of takes that no job may have."""
    if not 1 <= count <= Limits().max_takes:
        raise InputError(f"1 to {Limits().max_takes} takes can be predicted, not {count}.", "Change Takes.")


def check_prompt(prompt: str, hint: str = "Say what the camera does, for example: slow dolly in, pan left.") -> None:
    """Raise InputError for an empty or overlong prompt. hint: what an empty one should say."""
    if not prompt.strip():
        raise InputError("The prompt is empty.", hint)
    if len(prompt) > Limits().max_prompt:
        raise InputError(f"The prompt has {len(prompt)} characters.", f"Use at most {Limits().max_prompt}.")
