"""Re-direct a part: the frames between two keys are predicted anew under a new prompt, joined to what stays."""

from pathlib import Path
from typing import Any, Self

import attrs
import bpy
import numpy as np

from dollygrip.client import TakeReady
from dollygrip.conventions import c2w_from_blender
from dollygrip.errors import DollygripError, InputError
from dollygrip.protocol import PredictRequest, Welcome
from dollygrip.trajectory import Trajectory

from .. import compat
from ..backend.session import Outcome, push_undo
from ..backend.worker import Tell
from ..camera import camera, depths, pose_channels
from ..references import subject
from ..references.picture import fingerprint, read_picture
from ..rigs import overruled, rigs
from ..shots import strips
from ..takes import copies, takes
from ..takes.plan import strange_in_words, subject_in_words
from . import adopt, joining, parts
from .predict import OWN, check_prompt, check_takes, lens_of, unused_seed, up_of


def rendered_frame(scene: bpy.types.Scene, take_id: str, frame: int) -> Path | None:
    """The picture of a frame in the newest strip that was rendered from this take, if there is one."""
    made = [(strip.channel, shot) for strip in compat.all_strips_of(scene) if (shot := strips.shot_of(strip))]
    for _, shot in sorted(made, key=lambda pair: -pair[0]):
        file = Path(shot["folder"]) / f"frame_{frame:04d}.png"
        if take_id and shot["take_id"] == take_id and file.is_file():
            return file
    return None


@attrs.define
class Redirect:
    """A task of the session: every trajectory that comes back becomes a part of a new take; the old take stays.

    camera: the shot's; take_id: of the take that is re-directed, "" for a camera without one, which becomes a shot when
    the first result comes.
    """

    scene_name: str
    request: PredictRequest | None
    arrays: dict[str, np.ndarray]
    camera: takes.Named
    take_id: str
    span: joining.Span
    provenance: dict[str, Any]
    title: str = "Re-directing the camera"
    job_id: str = ""
    made: list[str] = attrs.field(factory=list)
    said: str = ""
    overruled: str = ""
    found: str = ""
    error: DollygripError | None = None

    together = True

    @classmethod
    def of(cls, context: bpy.types.Context) -> Self:
        """What is asked of the shot that is shown; raises InputError with the first thing that is wrong."""
        scene, shot = context.scene, context.scene.camera
        brief = scene.dollygrip.brief
        prompt = brief.direct.prompt
        check_prompt(prompt)
        check_takes(brief.takes)
        if shot is None:
            raise InputError(f"The scene {scene.name} has no camera.", "Choose the camera to re-direct.")
        span = parts.chosen_span(scene, shot)
        return cls._asking(context, shot, span, prompt, brief.seed, brief.takes, brief.strength)

    @classmethod
    def like(cls, context: bpy.types.Context, shot: bpy.types.Object, take: bpy.types.Action, count: int) -> Self:
        """The part that was re-directed last in a take, under the same words, by a seed that this file has not used.

        The take is shown from then on. Raises InputError as `of` does.
        """
        check_takes(count)
        made_from = takes.provenance(take)
        shot.dollygrip_shot.take_index = takes.place_of(shot, take)
        span = parts.span_within(context.scene, shot, *made_from["range"], "the re-directed part")
        prompt = made_from["prompt"]
        return cls._asking(context, shot, span, prompt, unused_seed(prompt), count, made_from["strength"])

    @classmethod
    def _asking(
        cls,
        context: bpy.types.Context,
        shot: bpy.types.Object,
        span: joining.Span,
        prompt: str,
        seed: int,
        count: int,
        strength: float,
    ) -> Self:
        camera.check_unstretched(context.scene)
        takes.check_own(shot)
        copies.own_copy(shot)
        scene, take = context.scene, takes.shown(shot)
        made_from = takes.provenance(take) if take else {}
        rendered = rendered_frame(scene, made_from.get("id", ""), span.first)
        shown = str(rendered or made_from.get("reference") or takes.chosen_reference(scene))
        image = read_picture(shown)
        seen = camera.sample(context, span.first, span.first, shot)
        arrays = {"image": image, **_keyframes(context, shot, span)}
        depth = made_from.get("scene_depth") or depths.known_depth(context, seen, span.first, shot)
        by_object = scene.dollygrip.brief.subject_kind == "OBJECT"
        point, distance = subject.of(context, image, seen, span.first) if by_object else (None, None)
        request = PredictRequest(
            prompt=prompt.strip(),
            frames=span.frames,
            fps=camera.scene_fps(scene),
            seed=seed,
            takes=count,
            size=camera.square_size(scene),
            **lens_of(image, seen),
            scene_depth=depth or camera.ASSUMED_DEPTH,
            strength=strength,
            subject=point,
            subject_depth=distance,
            up=up_of(seen.c2w[0]),
            keyframes_at=[frame - span.first for frame in span.met],
        )
        provenance = {
            "prompt": request.prompt,
            "range": [span.first, span.last],
            "strength": strength,
            "picture": takes.beside(shown),
            "picture_sha256": fingerprint(image),
            "parent_take": made_from.get("id", ""),
        }
        return cls(scene.name, request, arrays, takes.Named.of(shot), made_from.get("id", ""), span, provenance)

    @classmethod
    def resumed(cls, scene: bpy.types.Scene, record: dict[str, Any]) -> Self:
        """The task that made this record, to be attached to its job again."""
        span = joining.Span(**{**record["span"], "locked": tuple(record["span"]["locked"])})
        provenance = dict(record["provenance"])
        named = takes.Named.noted(scene, str(record["redirect"])), str(record["take_id"])
        return cls(scene.name, None, {}, *named, span, provenance, job_id=str(record["job"]))

    def record(self) -> dict[str, Any]:
        return {
            "job": self.job_id,
            "redirect": self.camera.now,
            "take_id": self.take_id,
            "span": attrs.asdict(self.span),
            "provenance": self.provenance,
        }

    @property
    def received(self) -> int:
        """Takes of the job that are in the file already."""
        return takes.received(self.job_id)

    def build(self, _welcome: Welcome, _tell: Tell) -> tuple[PredictRequest, dict[str, np.ndarray]]:
        return self.request, self.arrays

    def prepare(self, event: TakeReady) -> tuple[int, Trajectory]:
        return event.index, event.trajectory

    def deliver(self, scene: bpy.types.Scene, prepared: tuple[int, Trajectory]) -> None:
        """Join a result to the take as it is by now; the reason is kept where that has become impossible."""
        index, predicted = prepared
        try:
            with bpy.context.temp_override(scene=scene):
                self.made.append(self._add(bpy.context, self.camera.find(scene), index, predicted).name)
        except DollygripError as error:
            self.error = error

    def _add(
        self, context: bpy.types.Context, shot: bpy.types.Object | None, index: int, predicted: Trajectory
    ) -> bpy.types.Action:
        if shot is None:
            raise InputError(f"The camera {self.camera.name} is gone.", "Undo, or re-direct another one.")
        if not self.take_id:
            self.take_id = adopt.adopt(context, shot)["dollygrip"]["id"]
        parent = takes.with_id(self.take_id, shot)
        if parent is None or (place := takes.place_of(shot, parent)) < 0:
            raise InputError("The take that was to be re-directed is gone.", "Undo, or re-direct another one.")
        shot.dollygrip_shot.take_index = place
        parts.check_plain(parent)
        names = pose_channels.names_of(shot)
        joining.complete(parent, shot)
        curves = [c for c in compat.object_curves(parent) if (c.data_path, c.array_index) in names]
        first, last = takes.frame_range(parent)
        if not first <= self.span.first < self.span.last <= last:
            raise InputError(
                f"The take {parent.name} now runs from frame {first} to {last}, "
                f"and no longer from {self.span.first} to {self.span.last}, which were to be re-directed.",
                "Undo, or re-direct it again where it is now.",
            )
        span = joining.span_of(curves, self.span.first, self.span.last, (first, last))
        before = camera.sample(context, first, last, shot, takes.scene_depth(parent))
        action = copies.duplicate(shot, parent)
        takes.enlist(shot, action)
        try:
            joined = joining.join(context, shot, action, span, predicted, takes.scene_depth(parent))
        except DollygripError:
            takes.remove(shot, takes.place_of(shot, action))
            raise
        if joined.added:
            at = " and ".join(map(str, joined.added))
            new = "a new key" if joined.keys == 1 else f"{joined.keys} new keys in all"
            self.said = f" Curves without a key at frame {at} got {new}, and keep their shape."
        self.overruled = overruled.said(context, shot, span.first, span.last)
        self._note(action, parent, before, joined, span.first - first, index, predicted.meta)
        action.name = takes.name_of(self.provenance["prompt"])
        return action

    def _note(
        self,
        action: bpy.types.Action,
        parent: bpy.types.Action,
        before: Trajectory,
        joined: joining.Joined,
        at: int,
        index: int,
        said: dict[str, Any],
    ) -> None:
        """Provenance of the new take; its dense camera is the evaluated one with the new part."""
        stored = takes.provenance(parent)
        made_from = {key: value for key, value in stored.items() if key not in OWN}
        own = {"seed": said.get("seed"), "model": said.get("model"), "take": index + 1, "job": self.job_id}
        c2w, intrinsics = before.c2w.copy(), before.intrinsics.copy()
        part = slice(at, at + len(joined.c2w))
        c2w[part] = joined.c2w[: len(c2w[part])]
        intrinsics[part, :2] = intrinsics[at, :2] * joined.zoom[: len(c2w[part]), None]
        first, last = self.provenance["range"]
        found = ", ".join(filter(None, [strange_in_words(said), subject_in_words(said)]))
        self.found = f" {found[:1].upper()}{found[1:]}." if found else ""
        plan = f"frames {first} to {last}: {said.get('plan', 'not told')}" + (f" ({found})" if found else "")
        meta = {key: value for key, value in stored["meta"].items() if key != "clearance"}
        if isinstance(meta.get("plan"), str):
            told = meta["plan"].split("; ")
            again = stored.get("range") == [first, last]  # the part that was directed last is directed anew
            plan = "; ".join([*(told[:-1] if again else told), plan])
        meta["plan"] = plan
        dense = attrs.evolve(before, c2w=c2w, intrinsics=intrinsics, meta=meta)
        takes.record(action, dense, {**made_from, **self.provenance, **own, "parent_take": self.take_id})

    def finish(self, scene: bpy.types.Scene, outcome: Outcome) -> None:
        state = scene.dollygrip
        state.about = self.camera.uid
        if self.error and not outcome.error:
            state.error, state.hint = self.error.message, self.error.hint
        if not self.made:
            state.notice = "Cancelled: the take stays as it is." if outcome.state == "cancelled" else ""
            if self.error:
                push_undo("Re-direct")  # of a camera that became a shot before
            return
        kept = f" Locked: {', '.join(map(str, self.span.locked))}." if self.span.locked else ""
        new = f"{takes.in_short(self.made)}: frames {self.span.first} to {self.span.last} are new."
        state.notice = f"{new}{self.found}{kept}{self.said} {self.overruled}".strip()
        push_undo("Re-direct")


def _keyframes(context: bpy.types.Context, shot: bpy.types.Object, span: joining.Span) -> dict[str, np.ndarray]:
    """The blob of poses (K, 4, 4) at span.met relative to the first frame, in metres; none where there are none."""
    frames = [span.first, *span.met]
    world = np.concatenate([rigs.poses(context, shot, (frame, frame))[0] for frame in frames])
    c2w = c2w_from_blender(world, context.scene.unit_settings.scale_length)
    return {"keyframes": np.linalg.inv(c2w[0]) @ c2w[1:]} if span.met else {}
