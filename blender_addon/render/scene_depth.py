"""The previz path: where the reference is a view of the animator's own set, every frame keeps the set's geometry.

The depth of each frame is found by a Blender of its own, from a copy of the scene (camera.rays), while the interface
goes on; what the camera sees was sampled before, so nothing of the animator's moves.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import attrs
import bpy
import numpy as np

from dollygrip.conventions import CAMERA, blender_from_c2w
from dollygrip.errors import DollygripError, InputError
from dollygrip.protocol.messages import MAX_PIXELS
from dollygrip.trajectory import Trajectory

from ..backend.worker import Status, Tell
from ..camera import camera, depths, rays
from ..takes import takes

_PROBES = 24  # rays across a frame that tell whether it sees the set at all
_FOLDERS = "dollygrip_depth_"  # how the names of temporary folders begin
_WAIT = 0.1  # seconds between two looks at how far it is


def view_of_set(
    scene: bpy.types.Scene, take: bpy.types.Action | None, brief: bpy.types.PropertyGroup | None = None
) -> dict[str, Any] | None:
    """Pose, lens and the lens's `size` at which a shot's reference shows the scene itself; None for other pictures.

    take: what the shot's camera shows; brief: what is asked of it, by default of the shot that the scene shows. Without
    a take it starts from the reference of its brief.
    """
    made_from = takes.provenance(take) if take else {}
    if made_from.get("exact_depth") and (pose := camera.reference_pose(made_from["meta"])):
        return {**pose, "size": tuple(made_from["size"])}
    brief = brief or scene.dollygrip.brief
    name, *numbers = json.loads(brief.captured or '[""]')
    reference = made_from.get("reference") or brief.reference
    if not name or name != Path(reference).name or camera.reference_pose(made_from.get("meta", {})):
        return None
    size = camera.render_size(scene)
    pose, lens = np.reshape(numbers[:16], (4, 4)), np.array(numbers[16:]) * size[0]
    return {"c2w": pose.tolist(), "intrinsics": lens.tolist(), "size": size}


class SceneCopy:
    """A file with a scene as it is when that is first needed; it goes with the last that refers to it."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory | None = None

    @property
    def file(self) -> Path:
        return Path(self._folder.name, "scene.blend")

    def write(self, context: bpy.types.Context) -> None:
        """Write it unless it is there."""
        if self._folder:
            return
        for thing in context.objects_in_mode if context.mode.startswith("EDIT") else ():
            thing.update_from_editmode()
        self._folder = tempfile.TemporaryDirectory(prefix=_FOLDERS)
        bpy.data.libraries.write(str(self.file), {context.scene}, path_remap="ABSOLUTE")


@attrs.frozen(eq=False)
class DepthPass:
    """A copy of the scene and the frames that are to be seen of it.

    copy: shared by the shots that are asked for together; seen: the camera of every frame, in metres; first: the scene
    frame of the first; unit: metres of a Blender unit; names: of the scene, its view layer and the camera, "" for the
    scene's; trusted: whether this Blender lets the file run Python in its drivers.
    """

    copy: SceneCopy
    seen: Trajectory
    first: int
    unit: float
    names: tuple[str, str, str]
    trusted: bool

    @classmethod
    def of(
        cls,
        context: bpy.types.Context,
        seen: Trajectory,
        first: int,
        seen_by: bpy.types.Object | None = None,
        copy: SceneCopy | None = None,
    ) -> Self:
        """For a camera, by default the scene's, that was sampled as `seen` from scene frame `first` on.

        Raises InputError where it sees no geometry.
        """
        _check_geometry(context, seen, first, seen_by)
        scene, copy = context.scene, copy or SceneCopy()
        copy.write(context)
        names = scene.name, context.view_layer.name, seen_by.name if seen_by else ""
        return cls(copy, seen, first, scene.unit_settings.scale_length, names, not bpy.app.autoexec_fail)

    def render(self, size: tuple[int, int], tell: Tell) -> np.ndarray:
        """Depth float16 (T, h, w) in metres of frames of `size` (width, height), inf for sky; on any thread.

        Raises InputError for more than a message holds, DollygripError where Blender fails; what `tell` raises ends it.
        """
        count, most = len(self.seen), MAX_PIXELS // (size[0] * size[1])
        if count > most:
            raise InputError(
                f"The depth of {count} frames of {size[0]}x{size[1]} is too much for one shot.",
                f"Render at most {most} frames, a smaller size, or without Keep Geometry.",
            )
        seen = self.seen.resized(size)
        views = dict(zip(("scene", "layer", "camera"), self.names, strict=True)) | {"blend": str(self.copy.file)}
        views |= {"frames": np.arange(count) + self.first, "size": size}
        views["trusted"] = self.trusted
        views |= {"to_blender": blender_from_c2w(seen.c2w, self.unit) @ CAMERA, "intrinsics": seen.intrinsics}
        with tempfile.TemporaryDirectory(prefix=_FOLDERS) as name:
            folder = Path(name)
            np.savez(folder / "views.npz", **views)
            files = [folder / f"{number:04d}.npy" for number in range(count)]
            self._run(folder, files, tell)
            return np.stack([np.load(file, allow_pickle=False) for file in files])

    def _run(self, folder: Path, files: list[Path], tell: Tell) -> None:
        log = folder / "log.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*_blender(), str(folder)], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **_HIDDEN
            )
        done = 0
        try:
            while process.poll() is None:
                while done < len(files) and files[done].exists():
                    done += 1
                tell(Status("Depth of the scene", done, len(files)))
                time.sleep(_WAIT)
        finally:
            process.kill()
            process.wait()
        if process.returncode or not files[-1].exists():
            lines = log.read_text("utf-8", "replace").strip().splitlines() or ["nothing"]
            raise DollygripError(
                f"Blender could not find the scene's depth: it ended with code {process.returncode} and said: "
                f"{lines[-1].strip()}.",
                "Render without Keep Geometry, and report this.",
            )


_HIDDEN = {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}


def _blender() -> list[str]:
    """The command that runs camera.rays in a new Blender: this program, or this Python where Blender is a module."""
    if program := bpy.app.binary_path:
        return [program, "--background", "--factory-startup", "--python", rays.__file__, "--"]
    return [sys.executable, rays.__file__]


def _check_geometry(context: bpy.types.Context, seen: Trajectory, first: int, seen_by: bpy.types.Object | None) -> None:
    """Raise InputError where rays into the first, middle and last frame hit nothing at all."""
    probes = sorted({0, len(seen) // 2, len(seen) - 1})
    if not any(np.isfinite(_probe(context, seen, t, first + t, seen_by)).any() for t in probes):
        frames = ", ".join(str(first + t) for t in probes)
        raise InputError(
            f"The camera sees no geometry of the scene (frames {frames}).",
            "Aim it at the set, or render without Keep Geometry.",
        )


def is_moving(
    context: bpy.types.Context, seen: Trajectory, first: int, seen_by: bpy.types.Object | None = None
) -> bool:
    """Whether what frame 0's camera sees of the scene is elsewhere when the shot ends: its colours are not known."""
    began, ended = (_probe(context, seen, 0, first + t, seen_by) for t in (0, len(seen) - 1))
    return not np.allclose(began, ended, rtol=1e-3)


def _probe(
    context: bpy.types.Context, seen: Trajectory, t: int, frame: int, seen_by: bpy.types.Object | None
) -> np.ndarray:
    """Depths along a grid of rays into frame t of a camera, of the scene as it is on a scene frame."""
    x, y = np.meshgrid(*((np.arange(_PROBES) + 0.5) / _PROBES * side for side in seen.size))
    with camera.on_frame(context.scene, frame):
        return depths.depths_seen(context, seen.c2w[t], seen.intrinsics[t], x.ravel(), y.ravel(), seen_by)
