"""Stage 1 in Blender: the prompt and the reference picture become takes."""

from typing import Any

import attrs
import bpy
import numpy as np

from dollygrip.client import TakeReady
from dollygrip.errors import InputError
from dollygrip.protocol import Limits, PredictRequest, Welcome
from dollygrip.trajectory import MAX_FRAMES

from . import camera, takes
from .picture import fingerprint, read_picture
from .session import Outcome, push_undo


@attrs.define
class PredictCamera:
    """A task of the session: every trajectory that comes back becomes a take."""

    scene_name: str
    request: PredictRequest
    arrays: dict[str, np.ndarray]
    placement: camera.Placement
    provenance: dict[str, Any]
    title: str = "Predicting the camera"
    made: list[str] = attrs.field(factory=list)

    @classmethod
    def of(cls, context: bpy.types.Context) -> "PredictCamera":
        """What the scene asks for; raises InputError with the first thing that is wrong."""
        scene = context.scene
        state = scene.dollygrip
        check_prompt(state.prompt)
        limits = Limits()
        if not 2 <= state.frame_count <= MAX_FRAMES:
            raise InputError(
                f"A camera move has 2 to {MAX_FRAMES} frames, not {state.frame_count}.", "Change Frames in the panel."
            )
        if not 1 <= state.takes <= limits.max_takes:
            raise InputError(f"1 to {limits.max_takes} takes can be predicted, not {state.takes}.", "Change Takes.")
        image = read_picture(state.reference)
        arrays = {"image": image}
        start, seen, rig = camera.level_start(), None, state.start or takes.find_camera(scene)
        if state.start:
            seen = camera.sample(context, scene.frame_start, scene.frame_start, state.start)
            start = seen.c2w[0]
            if state.exact_depth:
                picture = image.shape[1], image.shape[0]
                lens = camera.in_picture(seen.intrinsics, seen.size, picture)[0]
                arrays["depth"] = camera.depth_map(context, start, lens, picture, scene.frame_start)
        request = PredictRequest(
            prompt=state.prompt.strip(),
            frames=state.frame_count,
            fps=camera.scene_fps(scene),
            seed=state.seed,
            takes=state.takes,
            size=camera.square_size(scene),
            view_degrees=None if seen is None else camera.view_degrees(seen),
            scene_depth=None if "depth" in arrays else camera.known_depth(context, seen),
            strength=state.strength,
        )
        provenance = {
            "prompt": request.prompt,
            "reference": state.reference,
            "reference_sha256": fingerprint(image),
            "strength": state.strength,
            "exact_depth": "depth" in arrays,
            "parent_take": "",
        }
        return cls(scene.name, request, arrays, camera.Placement.of(scene, rig and rig.data, start), provenance)

    def build(self, _welcome: Welcome) -> tuple[PredictRequest, dict[str, np.ndarray]]:
        return self.request, self.arrays

    def prepare(self, event: TakeReady) -> tuple[int, camera.FittedTake]:
        return event.index, camera.fit(event.trajectory, self.placement)

    def deliver(self, scene: bpy.types.Scene, prepared: tuple[int, camera.FittedTake]) -> None:
        index, fitted = prepared
        meta = fitted.trajectory.meta
        own = {"seed": meta.get("seed"), "model": meta.get("model"), "take": index + 1}
        like = scene.dollygrip.start and scene.dollygrip.start.data
        action = takes.add(scene, fitted, takes.name_of(self.request.prompt), {**self.provenance, **own}, like)
        self.made.append(action.name)

    def finish(self, scene: bpy.types.Scene, outcome: Outcome) -> None:
        if not self.made:
            scene.dollygrip.notice = "Cancelled: no camera was made." if outcome.state == "cancelled" else ""
            return
        first, last = takes.frame_range(bpy.data.actions[self.made[-1]])
        scene.dollygrip.notice = f"{', '.join(self.made)}: frames {first} to {last}."
        push_undo("Predict Camera")


def check_prompt(prompt: str) -> None:
    """Raise InputError for an empty or overlong prompt."""
    if not prompt.strip():
        raise InputError("The prompt is empty.", "Say what the camera does, for example: slow dolly in, pan left.")
    if len(prompt) > Limits().max_prompt:
        raise InputError(f"The prompt has {len(prompt)} characters.", f"Use at most {Limits().max_prompt}.")
