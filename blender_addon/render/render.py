"""Stage 2 in Blender: the camera that Blender evaluates and the reference picture become a strip of frames."""

from itertools import takewhile
from pathlib import Path
from typing import Any, Self

import attrs
import bpy
import numpy as np

from dollygrip import formats, shot_record
from dollygrip.client import FrameReady
from dollygrip.errors import InputError
from dollygrip.protocol import EngineInfo, RenderRequest, Request, TrajectoryHeader, Welcome
from dollygrip.trajectory import MAX_FRAMES, Trajectory

from .. import compat
from ..backend.session import Outcome, push_undo, session
from ..backend.worker import Tell
from ..camera import camera, depths
from ..direct.predict import check_prompt
from ..references.picture import fingerprint, is_bounded, read_picture, write_png
from ..shots import colours, saving, shots, strips
from ..takes import framing, takes
from . import scene_depth

_F12 = "F12 renders the strip in place of the scene while Post Processing > Sequencer is on."
_SAY = "Say what is seen, for the engines that read it, for example: a bus in a city street."
_LONG_SIDE_CPU, _LONG_SIDE_CUDA = 320, 1280


@attrs.define
class RenderShot:
    """A task of the session: frames go to PNG files on the client thread, and from there into a strip.

    shot: its camera, to ask for it again where it still waits when Blender ends.
    parent: where its folder is made when it is asked for, None for a temporary place; folder: there from then on.
    files: what is on disk and in the strip, in order; belongs to the main thread.
    has_strip: whether it was made, and no undo has been since, which knows a strip only from the next step on.
    """

    scene_name: str
    trajectory: Trajectory
    arrays: dict[str, np.ndarray]
    prompt: str
    engine: str
    size: tuple[int, int]
    seed: int
    frame_start: int
    parent: Path | None
    provenance: dict[str, Any]
    notices: list[str]
    shot: takes.Named = attrs.field(factory=takes.Named)
    folder: Path | None = None
    title: str = "Rendering the shot"
    job_id: str = ""
    depth_pass: scene_depth.DepthPass | None = None
    files: list[Path] = attrs.field(factory=list)
    has_strip: bool = False

    together = False

    @classmethod
    def of(
        cls,
        context: bpy.types.Context,
        shot: bpy.types.Object | None = None,
        span: tuple[int, int] | None = None,
        copy: scene_depth.SceneCopy | None = None,
    ) -> Self:
        """A shot (the scene's camera by default) over its frames; raises InputError with what is wrong.

        span: first and last frame, by default those of shots.frame_range; copy: of the scene, for shots that are asked
        for together.
        """
        scene = context.scene
        state, shot = scene.dollygrip, shot or scene.camera
        brief, take = takes.brief_of(scene, shot), takes.shown(shot)
        if take:
            camera.check_unstretched(scene)
        made_from = takes.provenance(take) if take else {}
        prompt = made_from.get("prompt") or brief.prompt.strip()
        check_prompt(prompt, _SAY)
        reference = made_from.get("reference") or takes.chosen_reference(scene, shot)
        image = read_picture(reference)
        if shot is None:
            raise InputError(f"The scene {scene.name} has no camera.", "Add one, or predict a camera first.")
        first, last = span or shots.frame_range(scene, shot)
        _check_frames(first, last, "take" if take else "scene")
        seen_by = shot if takes.is_camera(shot) else None
        sampled = camera.sample(context, first, last, seen_by)
        depth = made_from.get("scene_depth") or depths.known_depth(context, sampled, first, seen_by, brief)
        on_set = scene_depth.view_of_set(scene, take, brief)
        view, set_depth = _reference(context, image, on_set, made_from, sampled, first, seen_by)
        sha256, meta = fingerprint(image), {"prompt": prompt, "seed": brief.seed}
        if view:
            meta["reference"] = {**view, "sha256": sha256}
        keep_set = on_set is not None and state.use_scene_depth
        moving = keep_set and scene_depth.is_moving(context, sampled, first, seen_by)
        return cls(
            scene_name=scene.name,
            trajectory=attrs.evolve(sampled, scene_depth=depth or camera.ASSUMED_DEPTH, meta=meta),
            arrays={"image": image, "c2w": sampled.c2w, "intrinsics": sampled.intrinsics, **set_depth},
            prompt=prompt,
            engine=state.engine.strip() or "auto",
            size=(state.width, state.height),
            seed=brief.seed,
            frame_start=first,
            parent=saving.parent_folder(),
            provenance=_provenance(scene, shot, take, reference) | {"reference_sha256": sha256},
            notices=_notices(context, shot, first, image.shape[1::-1], scaled=depth is not None, moving=moving)
            + _other_picture(reference, image, made_from),
            shot=takes.Named.of(shot),
            title=f"Rendering {shot.name}",
            depth_pass=scene_depth.DepthPass.of(context, sampled, first, seen_by, copy) if keep_set else None,
        )

    @classmethod
    def resumed(cls, scene: bpy.types.Scene, record: dict[str, Any]) -> Self:
        """The task that made this record, to be attached to its job again; its frames on disk count as received.

        Raises InputError where the folder with its camera is gone.
        """
        folder = Path(bpy.path.abspath(record["folder"]))
        task = cls(
            scene_name=scene.name,
            trajectory=formats.read(folder / shot_record.CAMERA),
            arrays={},
            prompt=str(record["prompt"]),
            engine=str(record["engine"]),
            size=tuple(record["size"]),
            seed=int(record["seed"]),
            frame_start=int(record["frame_start"]),
            parent=folder.parent,
            folder=folder,
            provenance=dict(record["provenance"]),
            notices=list(record["notices"]),
            shot=takes.Named.noted(scene, str(record.get("shot", ""))),  # which records of older versions lack
            title=f"Rendering {record['provenance']['shot']}",
            job_id=str(record["job"]),
        )
        expected = (task.frame_file(index) for index in range(len(task.trajectory)))
        task.files = list(takewhile(Path.is_file, expected))
        return task

    def record(self) -> dict[str, Any]:
        named = ("prompt", "engine", "size", "seed", "frame_start", "provenance", "notices")
        return {
            **{name: getattr(self, name) for name in named},
            "job": self.job_id,
            "shot": self.shot.now,
            "folder": takes.beside(self.folder),
        }

    @property
    def received(self) -> int:
        return len(self.files)

    @property
    def queued(self) -> tuple[str, int, int]:
        """What it takes to ask for this again later: camera, first and last frame."""
        return self.shot.now, self.frame_start, self.frame_start + len(self.trajectory) - 1

    def frame_file(self, index: int) -> Path:
        return self.folder / f"frame_{self.frame_start + index:04d}.png"

    def build(self, welcome: Welcome, tell: Tell) -> tuple[Request, dict[str, np.ndarray]]:
        engine = engine_of(welcome, self.engine)
        self.engine = engine.name if engine else self.engine
        size = self.size = video_size(self.size, self.trajectory.size, engine)
        if self.depth_pass:
            try:
                self._keep_set(engine, tell)
            finally:
                self.depth_pass = None  # with the last of a queue its copy of the scene goes
        request = RenderRequest(
            prompt=self.prompt,
            trajectory=TrajectoryHeader.of(self.trajectory),
            engine=self.engine,
            size=size,
            seed=self.seed,
        )
        self.folder = saving.new_folder(self.parent or saving.temporary_folder())
        shot_record.keep(self.folder, request, self.trajectory, self.arrays, write_png)
        return request, self.arrays

    def _keep_set(self, engine: EngineInfo | None, tell: Tell) -> None:
        """Send the depth of every frame along where the engine follows it."""
        if engine and engine.keeps_geometry:
            self.arrays["depths"] = self.depth_pass.render(self.size, tell)
            self.provenance["kept_set"] = True
        else:
            self.notices.append(f"The engine {self.engine} takes no depth of the scene but the first frame's.")

    def prepare(self, event: FrameReady) -> Path:
        path = self.frame_file(event.index)
        write_png(path, event.rgb)
        return path

    def deliver(self, scene: bpy.types.Scene, prepared: Path) -> None:
        self.files.append(prepared)
        self._show(scene, self._shot("rendering"))

    def _show(self, scene: bpy.types.Scene, shot: dict[str, Any]):
        """The strip with all files that are there; None where the animator has deleted it."""
        if self.has_strip and strips.of_folder(scene, self.folder) is None:
            return None
        self.has_strip = True
        return strips.ensure(scene, self.files, self.frame_start, len(self.trajectory), shot)

    def finish(self, scene: bpy.types.Scene, outcome: Outcome) -> None:
        # Of the shots of this queue that have ended; an undo meanwhile brings back what was said before it.
        before = scene.dollygrip.notice if session.asked > 1 else ""
        scene.dollygrip.about = self.shot.uid if session.asked == 1 else 0
        if self.files:
            strip = self._show(scene, self._shot(outcome.state, outcome.summary))
            if strip and not colours.are_true(scene, strip):
                self.notices.append(colours.CHANGED)
            alone = strip and len(compat.all_strips_of(scene)) == 1  # the scene has no cut of its own
            if alone and scene.render.use_sequencer:
                self.notices.append(_F12)
            if name := outcome.summary.get("depth_estimator"):
                shot_record.note_depth_estimator(self.folder, name)
            said = f"{len(self.files)} of {len(self.trajectory)} frames are in {takes.beside(self.folder)}."
            new = (notice for notice in self.notices if notice not in before)
            scene.dollygrip.notice = " ".join([before, said, *new]).strip()
            push_undo("Render Shot")
            return
        if self.folder and not self.job_id:  # refused: there is no more in it than what was asked
            saving.discard(self.folder)
        if outcome.state == "cancelled":
            scene.dollygrip.notice = f"{before} Cancelled: no frame was rendered.".strip()

    def _shot(self, state: str, summary: dict[str, Any] | None = None) -> dict[str, Any]:
        simple = {k: v for k, v in (summary or {}).items() if isinstance(v, str | int | float)}
        return {
            **self.provenance,
            "prompt": self.prompt,
            "engine": self.engine,
            "size": list(self.size),
            "seed": self.seed,
            "frame_start": self.frame_start,
            "frames": len(self.trajectory),
            "state": state,
            **{f"backend_{key}": value for key, value in simple.items()},
        }


def _check_frames(first: int, last: int, whose: str) -> None:
    if not 1 <= last - first + 1 <= MAX_FRAMES:
        raise InputError(
            f"The shot would run from frame {first} to {last}.",
            f"Give the {whose} a frame range of 1 to {MAX_FRAMES} frames.",
        )


def _provenance(
    scene: bpy.types.Scene, shot: bpy.types.Object, take: bpy.types.Action | None, reference: str
) -> dict[str, str]:
    return {
        "take": take.name if take else shot.name,
        "take_id": takes.provenance(take).get("id", "") if take else "",
        "shot": shot.name,
        "scene": scene.name,
        "reference": takes.beside(bpy.path.abspath(reference)),
    }


def _notices(
    context: bpy.types.Context,
    shot: bpy.types.Object,
    first: int,
    picture: tuple[int, int],
    *,
    scaled: bool,
    moving: bool,
) -> list[str]:
    """What to say of a shot from scene frame `first` on, and of where it goes. picture: (width, height) of its
    reference; scaled: whether its depth is known; moving: whether something moves in the scene whose geometry the shot
    keeps."""
    notices = []
    if not scaled:
        notices.append(f"Nothing in the scene gives the scale: Depth was taken as {camera.ASSUMED_DEPTH:g} m.")
    if camera.is_skewed(context, shot, first):
        notices.append(
            f"{shot.name} is skewed or mirrored by its scale or a parent's; the shot shows it straight. "
            "Apply that scale (Ctrl A) to see the same in the viewport."
        )
    if (take := takes.shown(shot)) and (outside := takes.keys_outside(take)):
        (first, last), (begins, ends) = takes.frame_range(take), outside
        notices.append(
            f"Keys of {take.name} lie on {begins} to {ends}, out of its frames {first} to {last}: "
            "Fit Range to Keys under Takes takes them in."
        )
    if take and (guessed := framing.said(context.scene, shot, take, picture)):
        notices.append(guessed)
    if not bpy.data.filepath:
        notices.append("Save the .blend to keep frames beside it: this folder is temporary.")
    if not (shown := compat.shown_in_sequencers(context)) & {None, context.scene}:
        names = " and ".join(sorted(scene.name for scene in shown))
        notices.append(f"The strip is in the scene {context.scene.name}; the sequencer shows {names}.")
    if moving:
        notices.append("Something moves in the scene: the shot shows it at rest, in the colours of the reference.")
    return notices


def _other_picture(path: str, image: np.ndarray, made_from: dict[str, Any]) -> list[str]:
    """A notice where a camera that was loaded was predicted from another picture than the `image` at `path`."""
    pose = None if made_from.get("reference") else camera.reference_pose(made_from.get("meta", {}))
    known = pose and pose.get("sha256")
    if not known or is_bounded(image) or known == fingerprint(image):
        return []
    return [f"This camera was predicted from another picture than {Path(path).name}."]


def _reference(
    context: bpy.types.Context,
    image: np.ndarray,
    on_set: dict[str, Any] | None,
    made_from: dict[str, Any],
    sampled: Trajectory,
    first: int,
    seen_by: bpy.types.Object | None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Pose and lens at which the reference `image` was taken, {} where that is not known, and {"depth": float32 (H, W)}
    of it where it shows the scene itself, else {}.

    on_set: of scene_depth.view_of_set; made_from: the take's provenance; first, seen_by: see camera.sample.
    """
    pose = on_set or camera.reference_pose(made_from.get("meta", {}))
    if not pose:
        return {}, {}
    picture = image.shape[1], image.shape[0]
    seen = camera.reference_seen(pose, (on_set or made_from)["size"], sampled, picture)
    view = {"c2w": seen["c2w"], "intrinsics": seen["intrinsics"]}
    if not on_set:
        return view, {}
    lens = camera.in_picture(np.array([seen["intrinsics"]]), sampled.size, picture)[0]
    return view, {"depth": depths.depth_map(context, np.array(pose["c2w"]), lens, picture, first, seen_by)}


def engine_of(welcome: Welcome, name: str) -> EngineInfo | None:
    """What the backend says about an engine; "auto" is its first. None for an unknown one: the backend refuses it."""
    return next((e for e in welcome.engines if name in ("auto", e.name)), None)


def video_size(wanted: tuple[int, int], seen: tuple[int, int], engine: EngineInfo | None) -> tuple[int, int]:
    """The size to render at: as wanted, a side of 0 following from the aspect of `seen` and the engine's steps."""
    width, height = wanted
    if engine is None or (width and height):
        return width or seen[0], height or seen[1]
    step, aspect = engine.multiple, seen[0] / seen[1]
    if not (width or height):
        long_side = min(max(seen), engine.max_size, _LONG_SIDE_CUDA if engine.needs_cuda else _LONG_SIDE_CPU)
        width = long_side if aspect >= 1 else long_side * aspect
    width = width or height * aspect
    snapped = max(step, round(width / step) * step)
    return snapped, height or max(step, round(width / aspect / step) * step)


@bpy.app.handlers.persistent
def after_undo(*_scene) -> None:
    """A strip that is missing from now on was not deleted: it is made again."""
    if isinstance(session.task, RenderShot):
        session.task.has_strip = False


def register() -> None:
    bpy.app.handlers.undo_post.append(after_undo)
    bpy.app.handlers.redo_post.append(after_undo)


def unregister() -> None:
    bpy.app.handlers.undo_post.remove(after_undo)
    bpy.app.handlers.redo_post.remove(after_undo)
