"""Whether a rendered shot obeys its camera: the one that its frames show, held against the one that was asked for."""

from pathlib import Path
from typing import Any, Self

import attrs
import bpy
import numpy as np

from dollygrip import formats, shot_record
from dollygrip.client import AchievedReady
from dollygrip.errors import InputError
from dollygrip.protocol import MeasureRequest, TrajectoryHeader, Welcome
from dollygrip.protocol.messages import MAX_PIXELS
from dollygrip.trajectory import Trajectory

from ..backend.job import Job
from ..backend.session import Outcome, push_undo
from ..backend.worker import Status, Tell
from ..drawing import draw_job, wrapped
from ..references.picture import read_png
from ..shots import strips
from ..takes import takes


@attrs.define
class MeasureCamera:
    """A task of the session: what comes back is kept beside the frames, as achieved.json, and on their strip.

    requested, files: camera and image of every frame; None and empty for a job that is attached to again.
    """

    scene_name: str
    folder: Path
    requested: Trajectory | None
    files: list[Path]
    title: str = "Measuring the camera"
    job_id: str = ""
    said: str = ""

    received = 0  # the one result ends the job
    together = False

    @classmethod
    def of(cls, context: bpy.types.Context) -> Self:
        """For the active strip; raises InputError where it is no shot, or one without its camera."""
        strip = strips.active(context)
        if strip is None or strips.shot_of(strip) is None:
            raise InputError("The active strip is no shot of Dollygrip's.", "Choose one in the sequencer.")
        folder = strips.folder_of(strip)
        files = [folder / element.filename for element in strip.elements]
        requested = formats.read(folder / shot_record.CAMERA)
        if not 2 <= len(files) <= len(requested):
            raise InputError(
                f"The strip {strip.name} has {len(files)} frames, its camera {len(requested)}.",
                "Choose a strip of two or more frames as it was rendered.",
            )
        return cls(context.scene.name, folder, _first(requested, len(files)), files)

    @classmethod
    def resumed(cls, scene: bpy.types.Scene, record: dict[str, Any]) -> Self:
        folder = Path(bpy.path.abspath(record["measured"]))
        return cls(scene.name, folder, None, [], job_id=str(record["job"]))

    def record(self) -> dict[str, Any]:
        return {"job": self.job_id, "measured": takes.beside(self.folder)}

    def build(self, _welcome: Welcome, tell: Tell) -> tuple[MeasureRequest, dict[str, np.ndarray]]:
        """Frames that are too many for one message are sent smaller."""
        frames, factor = np.zeros((0, 0, 0, 3), np.uint8), 1
        for number, file in enumerate(self.files):
            tell(Status("Reading the frames", number, len(self.files)))
            frame = read_png(file)
            if number == 0:
                size = frame.shape[1], frame.shape[0]
                factor = int(np.ceil(np.sqrt(len(self.files) * size[0] * size[1] / MAX_PIXELS)))
                frames = np.zeros((len(self.files), size[1] // factor, size[0] // factor, 3), np.uint8)
            if frame.shape[1::-1] != size:
                raise InputError(f"The frame {file} has another size than the first.", "Render the shot again.")
            frames[number] = _smaller(frame, factor)
        seen = self.requested.resized(size)
        seen = attrs.evolve(seen, intrinsics=seen.intrinsics / factor, size=frames.shape[2:0:-1])
        arrays = {"frames": frames, "c2w": seen.c2w, "intrinsics": seen.intrinsics}
        return MeasureRequest(trajectory=TrajectoryHeader.of(seen)), arrays

    def prepare(self, event: AchievedReady) -> dict[str, float]:
        """Keep it beside the frames; what the strip tells of it."""
        achieved = event.camera
        achieved.write(self.folder)
        self.said = "; ".join(achieved.lines())
        return {
            "found": int(achieved.found.sum()),
            "frames": len(achieved.c2w),
            "rotation": float(np.nanmedian(achieved.rotation)),
            "position": float(np.nanmedian(achieved.position)),
            "rot_err": achieved.rot_err,
            "trans_err": achieved.trans_err,
            "cam_mc": achieved.cam_mc,
        }

    def deliver(self, _scene: bpy.types.Scene, prepared: dict[str, float]) -> None:
        for scene in bpy.data.scenes:  # the sequencer may show another one than the window
            if strip := strips.of_folder(scene, self.folder):
                strips.note(strip, "achieved", prepared)

    def finish(self, scene: bpy.types.Scene, outcome: Outcome) -> None:
        scene.dollygrip.notice = f"The camera of {self.folder.name}: {self.said}." if self.said else ""
        if self.said:
            push_undo("Measure Camera")


def _first(trajectory: Trajectory, count: int) -> Trajectory:
    """The first frames of a camera: those that were rendered before a cancel."""
    return attrs.evolve(trajectory, c2w=trajectory.c2w[:count], intrinsics=trajectory.intrinsics[:count])


def _smaller(frame: np.ndarray, factor: int) -> np.ndarray:
    """A frame whose pixels are the means of factor x factor; what is left over at the right and the bottom is cut."""
    if factor == 1:
        return frame
    height, width = (side // factor for side in frame.shape[:2])
    blocks = frame[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
    return np.round(blocks.mean((1, 3))).astype(np.uint8)


def draw(layout: bpy.types.UILayout, context: bpy.types.Context, shot: dict[str, Any]) -> None:
    """What was measured of a strip's shot, in the box of that strip."""
    if found := shot.get("achieved"):
        off = f"Camera off by {found['rotation']:.2f}° and {found['position']:.1%} of the move"
        missed = "" if found["found"] == found["frames"] else f" ({found['found']} of {found['frames']} frames found)"
        wrapped(layout, context, off + missed, "CAMERA_DATA")
        sums = "RotErr {rot_err:.3f}, TransErr {trans_err:.3f}, CamMC {cam_mc:.3f}"
        wrapped(layout, context, sums.format(**found))
    layout.operator("dollygrip.measure_camera", icon="DRIVER_DISTANCE")
    draw_job(layout, context, "MeasureCamera")


class DOLLYGRIP_OT_measure_camera(Job, bpy.types.Operator):
    """Recover the camera that the frames of the active strip show, and tell how far it is from the one asked for"""

    bl_idname = "dollygrip.measure_camera"
    bl_label = "Measure Camera"
    task = MeasureCamera
    of_shown = False

    @classmethod
    def poll(cls, context):
        return super().poll(context) and strips.is_active(cls, context)


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_OT_measure_camera,))
