"""Every message of the wire as an attrs class.

Field types are exact (no coercion) and bounds are validators; what a user may ask for is checked by the backend, which
can say it in the user's words. BLOBS names the arrays that travel with a class.
"""

from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, le, matches_re, max_len, optional

from dollygrip.trajectory import MAX_FRAMES, Trajectory

MAX_PIXELS = 64 * 2**20
MAX_CREDIT = 1024


@attrs.frozen
class Blob:
    """What an array must look like: its dtype and shape, None standing for any extent of at least 1."""

    dtype: str
    shape: tuple[int | None, ...]
    required: bool = True


def _job_id() -> Any:
    return attrs.field(validator=matches_re("[0-9a-f]{32}"))


def _count(most: int = 2**53) -> Any:
    return attrs.field(validator=[ge(0), le(most)])


def _ref() -> Any:
    return attrs.field(default=0, validator=[ge(0), le(2**53)])


# What is asked for


@attrs.frozen(kw_only=True)
class TrajectoryHeader:
    """A trajectory without its arrays, which travel as the blobs c2w and intrinsics."""

    fps: float
    size: tuple[int, int]
    scene_depth: float = 1.0
    meta: dict[str, Any] = attrs.field(factory=dict)

    @classmethod
    def of(cls, trajectory: Trajectory) -> "TrajectoryHeader":
        return cls(
            fps=trajectory.fps, size=trajectory.size, scene_depth=trajectory.scene_depth, meta=dict(trajectory.meta)
        )

    def trajectory(self, arrays: dict[str, np.ndarray]) -> Trajectory:
        """The trajectory of this header and its arrays; raises TrajectoryError where they break the convention."""
        return Trajectory(arrays["c2w"], arrays["intrinsics"], self.size, self.fps, self.scene_depth, self.meta)


@attrs.frozen(kw_only=True)
class PredictRequest:
    """Stage 1: an image (blob `image`, and its `depth` along +Z if known) and a prompt -> `takes` trajectories.

    size: (width, height) the trajectory's intrinsics refer to; None is the image's own.
    view_degrees: horizontal field of view of the image, its optical axis in the middle; None lets the backend estimate
    it. centre: (x, y) where a shifted lens has its axis, as fractions of the image.
    scene_depth: median depth in the scene's unit; None takes it from the depth.
    subject: (x, y) of the point that an orbit turns about, as fractions of the image from 0 to 1; subject_depth: its
    depth along +Z in the scene's unit, None takes that of what the image shows there.
    keyframes_at: frames at which the camera is given by the blob `keyframes`, camera to world relative to frame 0, in
    the scene's unit; the blob `path` (N, 3), from the camera on in the same frame, is a path to be walked.
    up: (x, y, z) of the sky in frame 0's axes (right, down, forward), by which pans turn, cranes rise and orbits go.
    direct: let the backend's director (Welcome.director) put the prompt into moves first; the takes tell what it did.
    """

    prompt: str = attrs.field(validator=max_len(20_000))
    frames: int = 81
    fps: float = 24.0
    seed: int = 0
    takes: int = 1
    size: tuple[int, int] | None = None
    view_degrees: float | None = None
    scene_depth: float | None = None
    strength: float = 1.0
    centre: tuple[float, float] = (0.5, 0.5)
    subject: tuple[float, float] | None = None
    subject_depth: float | None = None
    keyframes_at: list[int] = attrs.field(factory=list, validator=max_len(1000))
    up: tuple[float, float, float] = (0.0, -1.0, 0.0)
    direct: bool = False


@attrs.frozen(kw_only=True)
class RenderRequest:
    """Stage 2: an image and a trajectory (blobs `c2w`, `intrinsics`; `depth` along +Z if known) -> one frame a pose.

    The blob `depths` (T, h, w) is the depth along +Z of every frame of `size`, inf for sky, where the scene is built
    already: the engine then keeps that geometry.

    size: (width, height) of the video; None is the engine's legal size nearest to the trajectory's own.
    """

    prompt: str = attrs.field(validator=max_len(20_000))
    trajectory: TrajectoryHeader
    engine: str = "auto"
    size: tuple[int, int] | None = None
    seed: int = 0


@attrs.frozen(kw_only=True)
class LookRequest:
    """Look at an image (blob `image`, and its `depth` if known) before there is a prompt -> no results.

    The models are loaded, and what stage 1 sees of the image is kept for a PredictRequest with the same blobs,
    view_degrees and scene_depth.
    """

    view_degrees: float | None = None
    scene_depth: float | None = None


@attrs.frozen(kw_only=True)
class DepthRequest:
    """The depth of an image (blob `image`), as stage 1 sees it -> one Depth.

    scene_depth: what its median is scaled to, in the scene's unit; None keeps the estimate's metres.
    """

    scene_depth: float | None = None


@attrs.frozen(kw_only=True)
class MeasureRequest:
    """The camera that rendered frames show (blob `frames`, uint8 (T, h, w, 3)) against the one that was asked for, a
    trajectory (blobs `c2w`, `intrinsics`) in pixels of these frames -> one Achieved.
    """

    trajectory: TrajectoryHeader


@attrs.frozen(kw_only=True)
class FetchRequest:
    """A model of `Welcome.models`, from the hub onto the backend's computer -> no results.

    licence: the one that was accepted, as the hub states it. Without one nothing is downloaded, and Done's summary
    tells what there is to accept: `licence`, `total_bytes`, `missing_bytes`, the `folder` that it would go to.
    """

    model: str = attrs.field(validator=max_len(100))
    licence: str = attrs.field(default="", validator=max_len(1000))


Request = PredictRequest | LookRequest | RenderRequest | DepthRequest | MeasureRequest | FetchRequest


# Client to server. `ref` is chosen by the client and comes back in the answer.


@attrs.frozen
class Hello:
    """What do you offer?"""


@attrs.frozen
class Submit:
    """Do this. `replaces`: id of a job that this one takes the place of: it is cancelled if it still goes on, and where
    no arrays are sent with this message, that job's own are used."""

    request: Request
    ref: int = _ref()
    replaces: str = attrs.field(default="", validator=matches_re("([0-9a-f]{32})?"))


@attrs.frozen
class Attach:
    """Send me this job's results from number `have` on, and its end."""

    job_id: str = _job_id()
    have: int = _count()
    ref: int = _ref()


@attrs.frozen
class Cancel:
    """Also from the server to a worker."""

    job_id: str = _job_id()


@attrs.frozen
class Credit:
    """I have room for so many more frames of this job. Takes are few and small: they need no credit."""

    job_id: str = _job_id()
    frames: int = _count(MAX_CREDIT)


# Server to client


@attrs.frozen(kw_only=True)
class EngineInfo:
    """A video engine: what it may be asked for, and whether it can run here; `reason` says why not.

    Sizes: each side from `min_size` to `max_size`, a multiple of `multiple`. Bytes are of weights to download and of
    memory needed. keeps_geometry: whether it follows the blob `depths` of RenderRequest.
    """

    name: str
    title: str
    licence: str
    download_bytes: int
    memory_bytes: int
    min_size: int
    max_size: int
    multiple: int
    max_frames: int
    needs_cuda: bool
    available: bool
    reason: str = ""
    keeps_geometry: bool = False


@attrs.frozen(kw_only=True)
class ModelInfo:
    """Weights that do not come with the backend: title with what they are for, licence as far as it is known, about
    how many bytes. ready: whether they are there; reason: what is wrong with them, or why they would be of no use."""

    name: str
    title: str
    licence: str
    download_bytes: int
    ready: bool
    reason: str = ""


@attrs.frozen(kw_only=True)
class Limits:
    max_frames: int = MAX_FRAMES
    max_takes: int = 16
    max_prompt: int = 2000


@attrs.frozen
class Welcome:
    """What the backend offers. models: what a FetchRequest may name. director: the model that PredictRequest.direct
    asks for, "" where there is none."""

    server_version: str
    engines: list[EngineInfo]
    models: list[ModelInfo]
    devices: list[str]
    limits: Limits
    director: str = ""


@attrs.frozen
class Accepted:
    """The answer to Submit and Attach: `position` jobs are ahead of this one.

    With ref 0 it answers nothing and says nothing new: the backend finds out whether the client is there.
    """

    job_id: str = _job_id()
    position: int = _count()
    ref: int = _ref()


@attrs.frozen
class Queued:
    job_id: str = _job_id()
    position: int = _count()


# A worker to the server, and from there to the client


@attrs.frozen
class Progress:
    """`done` of `total` steps of a stage ("depth", "camera", "frames", …)."""

    job_id: str = _job_id()
    stage: str = attrs.field(validator=max_len(100))
    done: int = _count()
    total: int = _count()


@attrs.frozen
class Take:
    """One predicted trajectory."""

    trajectory: TrajectoryHeader
    job_id: str = _job_id()
    index: int = _count()


@attrs.frozen
class Frame:
    """One frame of the video, sRGB uint8 (height, width, 3)."""

    job_id: str = _job_id()
    index: int = _count()


@attrs.frozen
class Depth:
    """Depth of an image along +Z, finite everywhere, at most 512 pixels a side; the horizontal field of view."""

    view_degrees: float
    job_id: str = _job_id()
    index: int = _count()


@attrs.frozen(kw_only=True)
class Achieved:
    """The camera that frames show; see dollygrip.achieved.AchievedCamera, whose arrays are the blobs."""

    rot_err: float
    trans_err: float
    cam_mc: float
    scale: float
    moves: bool
    job_id: str = _job_id()
    index: int = _count()


@attrs.frozen
class Done:
    job_id: str = _job_id()
    summary: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Failed:
    """An error as the animator reads it (see dollygrip.errors). Without a job_id it answers the message `ref`."""

    job_id: str | None = attrs.field(validator=optional(matches_re("[0-9a-f]{32}")))
    kind: str
    message: str
    hint: str = ""
    ref: int | None = attrs.field(default=None, validator=optional([ge(0), le(2**53)]))


@attrs.frozen
class Cancelled:
    job_id: str = _job_id()


# Server and worker


@attrs.frozen
class Ready:
    """A worker is up and takes jobs for this device."""

    device: str


@attrs.frozen
class Run:
    """Do this job, whose request is in the state folder; its first `have` results are there already."""

    job_id: str = _job_id()
    have: int = _count()


Message = (
    Hello
    | Submit
    | Attach
    | Cancel
    | Credit
    | Welcome
    | Accepted
    | Queued
    | Progress
    | Take
    | Frame
    | Depth
    | Achieved
    | Done
    | Failed
    | Cancelled
    | Ready
    | Run
)

_IMAGE = Blob("uint8", (None, None, 3))
_DEPTH = Blob("float32", (None, None), required=False)
_DEPTHS = Blob("float16", (None, None, None), required=False)
_CAMERA = {"c2w": Blob("float64", (None, 4, 4)), "intrinsics": Blob("float64", (None, 4))}
_KEYFRAMES = Blob("float64", (None, 4, 4), required=False)
_SERIES = Blob("float64", (None,))
_PATH = Blob("float64", (None, 3), required=False)

BLOBS: dict[type, dict[str, Blob]] = {
    PredictRequest: {"image": _IMAGE, "depth": _DEPTH, "keyframes": _KEYFRAMES, "path": _PATH},
    RenderRequest: {"image": _IMAGE, **_CAMERA, "depth": _DEPTH, "depths": _DEPTHS},
    Take: _CAMERA,
    LookRequest: {"image": _IMAGE, "depth": _DEPTH},
    DepthRequest: {"image": _IMAGE},
    MeasureRequest: {"frames": Blob("uint8", (None, None, None, 3)), **_CAMERA},
    Frame: {"rgb": _IMAGE},
    Depth: {"depth": Blob("float32", (None, None))},
    Achieved: {"c2w": _CAMERA["c2w"], "rotation": _SERIES, "position": _SERIES},
}
