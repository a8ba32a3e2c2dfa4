"""Does one request: the same code in a worker process and in the command line. Torch loads with the first request."""

import hashlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
from PIL import Image

from dollygrip.achieved import AchievedCamera
from dollygrip.errors import DollygripError, InputError
from dollygrip.protocol import DepthRequest, LookRequest, MeasureRequest, PredictRequest, RenderRequest, Request
from dollygrip.trajectory import Trajectory
from dollygrip_backend import video
from dollygrip_backend.predictor import Constraints, Keyframe
from dollygrip_backend.scene import given_depth
from dollygrip_backend.scene.median import median_depth

_DEPTH_SIDE, _LEAST_SIDE = 512, 32

Report = Callable[[str, int, int], None]
"""report(stage, done, total); what it raises ends the job. The stage is "models" while some are loaded."""


@attrs.frozen(eq=False)
class DepthMap:
    """Depth float32 (h, w) along +Z, finite everywhere, and horizontal field of view in degrees."""

    depth: np.ndarray
    view_degrees: float


Result = Trajectory | np.ndarray | DepthMap | AchievedCamera
Results = Iterator[Result]
Finished = Sequence[Result]


class CancelledError(Exception):
    """Raised by a report to stop a job."""


class Runner:
    """Holds the models of one device and keeps them between jobs."""

    def __init__(self, device: str = "cpu", director: str = ""):
        """director: folder or hub name of the vision-language model of requests with `direct`; "" for none."""
        self.device, self._director = device, director
        self._models: dict[str, Any] = {}
        self._seen: tuple[str, _View] | None = None

    def run(self, request: Request, arrays: dict[str, np.ndarray], report: Report, finished: Finished = ()) -> Results:
        """Yield the results of a validated request that follow `finished`; the generator returns the job's summary.

        Raises InputError, before it loads a model, where depth is not positive or has no surface.

        finished: what this request has made before it was interrupted, the first of its results; frames alone are read.
        Results are trajectories (predict), uint8 (h, w, 3) frames (render), one depth map or one achieved camera; of
        a look there are none.
        """
        started = time.monotonic()
        work = {
            PredictRequest: self._predict,
            LookRequest: self._look_ahead,
            RenderRequest: self._render,
            DepthRequest: self._depth,
            MeasureRequest: self._measure,
        }[type(request)]
        summary = yield from work(request, arrays, report, finished)
        return {**summary, "seconds": round(time.monotonic() - started, 3), "device": self.device}

    def _predict(
        self, request: PredictRequest, arrays: dict[str, np.ndarray], report: Report, finished: Finished
    ) -> Results:
        if "depth" in arrays:
            given_depth.check_values(arrays["depth"])
        request, meta = self._directed(request, arrays["image"], report) if request.direct else (request, {})
        pipeline = self._model("camera", _load_camera, report)  # before it looks: all loading is one stage
        view = self._reference(request, arrays, report)
        report("camera", 0, 1)
        takes = pipeline(
            view.image,
            request.prompt,
            frames=request.frames,
            fps=request.fps,
            seed=request.seed,
            takes=request.takes,
            size=request.size,
            view_degrees=view.view_degrees,
            scene_depth=view.scene_depth,
            depth=view.depth,
            strength=request.strength,
            centre=request.centre,
            subject=request.subject,
            subject_depth=request.subject_depth,
            constraints=make_constraints(request, arrays),
            up=request.up,
            progress=lambda done, total: report("camera", done, total),
        )
        meta |= {"depth_estimator": view.estimator} if view.estimator else {}
        for take in takes[len(finished) :]:
            yield attrs.evolve(take, meta=take.meta | meta)
        return {"takes": len(takes), "scene_depth": view.scene_depth, "view_degrees": view.view_degrees}

    def _look_ahead(
        self, request: LookRequest, arrays: dict[str, np.ndarray], report: Report, _finished: Finished
    ) -> Results:
        if "depth" in arrays:
            given_depth.check_values(arrays["depth"])
        pipeline = self._model("camera", _load_camera, report)
        view = self._reference(request, arrays, report)
        report("camera", 0, 1)
        pipeline.look(view.image, view.view_degrees, view.scene_depth, view.depth)
        yield from ()
        return {"scene_depth": view.scene_depth, "view_degrees": view.view_degrees}

    def _directed(
        self, request: PredictRequest, image: np.ndarray, report: Report
    ) -> tuple[PredictRequest, dict[str, Any]]:
        """The request as the director puts it, and what the takes shall tell of that. A subject that is given stays."""
        if not self._director:
            raise InputError("This backend has no director.", "Start it with --director, or predict without.")
        director = self._model("director", self._load_director, report)
        report("director", 0, 1)
        direction = director.direct(image, request.prompt)
        meta = {"director": {"model": self._director, **direction.meta(request.prompt)}}
        return attrs.evolve(request, prompt=direction.prompt, subject=request.subject or direction.subject), meta

    def _load_director(self, device: str) -> Any:
        import transformers.utils.logging

        from dollygrip_backend.predictor.director import Director

        transformers.utils.logging.disable_progress_bar()  # it would break into ours; downloads keep their own
        return Director.load(self._director, device)

    def _reference(
        self, request: PredictRequest | LookRequest, arrays: dict[str, np.ndarray], report: Report
    ) -> "_View":
        """What is known of the reference view; the last is kept, for requests that change only their words."""
        mark = _fingerprint(arrays, request.view_degrees, request.scene_depth, _estimator_name(report))
        if self._seen is None or self._seen[0] != mark:
            self._seen = mark, self._look(request, arrays, report)
        return self._seen[1]

    def _look(self, request: PredictRequest | LookRequest, arrays: dict[str, np.ndarray], report: Report) -> "_View":
        """What is given of the reference view, the rest estimated from the image.

        A given scene depth sets the scale of an estimated depth.
        """
        depth, degrees = arrays.get("depth"), request.view_degrees
        given, estimator = depth is not None, ""
        if depth is None or degrees is None:
            network = self._depth_network(report)
            report("depth", 0, 1)
            estimate = network.estimate(_shrunk(arrays["image"]))
            if depth is None:
                depth = _stretched(estimate.depth, arrays["image"])
                estimator = network.name
            degrees = estimate.view_degrees if degrees is None else degrees
        median = median_depth(depth)
        scene_depth = request.scene_depth or median
        depth = depth if given else depth * (scene_depth / median)
        return _View(arrays["image"], depth, float(degrees), scene_depth, estimator)

    def _depth(
        self, request: DepthRequest, arrays: dict[str, np.ndarray], report: Report, finished: Finished
    ) -> Results:
        network = self._depth_network(report)
        report("depth", 0, 1)
        estimate = network.estimate(_shrunk(arrays["image"]))
        median = median_depth(estimate.depth)
        scene_depth = request.scene_depth or median
        if not finished:
            yield DepthMap(estimate.depth * np.float32(scene_depth / median), estimate.view_degrees)
        return {"scene_depth": scene_depth, "view_degrees": estimate.view_degrees}

    def _measure(
        self, request: MeasureRequest, arrays: dict[str, np.ndarray], report: Report, finished: Finished
    ) -> Results:
        if importlib.util.find_spec("pycolmap") is None:
            raise DollygripError(
                "The backend recovers cameras with pycolmap, which is not installed.",
                "pip install 'dollygrip-backend[evaluation]' in the backend's environment.",
            )
        from dollygrip_backend.video.achieved import achieved_camera
        from dollygrip_backend.video.recovery import recover

        requested = request.trajectory.trajectory(arrays)
        frames = list(arrays["frames"])
        recovered = recover(frames, requested.intrinsics, lambda done, total: report("measuring", done, total))
        if not finished:
            yield achieved_camera(requested, recovered)
        return {"frames": len(frames)}

    def _render(
        self, request: RenderRequest, arrays: dict[str, np.ndarray], report: Report, finished: Finished
    ) -> Results:
        shot, count = make_shot(request, arrays), len(finished)
        video.check_values(shot)
        if director := self._models.pop("director", None):
            director.unload()  # a video engine needs the memory
        estimates = video.engine_info(request.engine).estimates_depth and shot.depth is None and shot.depths is None
        # Before the engine loads: another may be fetched meanwhile.
        estimator = {"depth_estimator": _estimator_name(report)} if estimates else {}
        name = request.engine
        engine = self._model(f"engine {name}", lambda device: video.load_engine(name, device), report)
        report("frames", count, len(arrays["c2w"]))
        for frame in video.render_rest(engine, shot, lambda done, total: report("frames", done, total), finished):
            yield frame
            count += 1
        return {"frames": count, "engine": request.engine, "size": list(shot.size), **estimator}

    def _depth_network(self, report: Report) -> Any:
        """What sees depth on this machine by now: another one may have been fetched since the last job."""
        return self._model(f"depth {_estimator_name(report)}", _load_depth, report)

    def _model(self, name: str, load: Callable[[str], Any], report: Report) -> Any:
        """The model of this name, loaded once. Of a kind, its first word, only the last one used is kept."""
        if name not in self._models:
            report("models", 0, 1)
            kind = name.split()[0]
            self._models = {k: v for k, v in self._models.items() if k.split()[0] != kind}
            self._models[name] = load(self.device)
        return self._models[name]


def make_constraints(request: PredictRequest, arrays: dict[str, np.ndarray]) -> Constraints:
    """What a request fixes of the camera; raises InputError for keyframes that are no poses, or not one a frame."""
    poses = arrays.get("keyframes", np.zeros((0, 4, 4)))
    if len(poses) != len(request.keyframes_at):
        raise InputError(
            f"The request has {len(poses)} keyframes for {len(request.keyframes_at)} frames.", "Send one for each."
        )
    for frame, pose in zip(request.keyframes_at, poses, strict=True):
        if not np.allclose(pose[3], [0, 0, 0, 1], rtol=0, atol=1e-6):
            raise InputError(
                f"The keyframe at frame {frame} has a last row that is not 0 0 0 1.", "Send camera-to-world matrices."
            )
    keyframes = [Keyframe(f, pose[:3, 3], pose[:3, :3]) for f, pose in zip(request.keyframes_at, poses, strict=True)]
    return Constraints(tuple(keyframes), arrays.get("path"))


def make_shot(request: RenderRequest, arrays: dict[str, np.ndarray]) -> video.Shot:
    """A request whose size is resolved as the engines know it; raises TrajectoryError for poses that are none."""
    trajectory = request.trajectory.trajectory(arrays)
    depth, depths = arrays.get("depth"), arrays.get("depths")
    return video.Shot(arrays["image"], request.prompt, trajectory, request.size, request.seed, depth, depths)


def _fingerprint(arrays: dict[str, np.ndarray], *values: float | str | None) -> str:
    """What a reference view is made of: picture, depth, and values."""
    digest = hashlib.sha256(repr(values).encode())
    for name in ("image", "depth"):
        if (array := arrays.get(name)) is not None:
            digest.update(f"{name} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _shrunk(image: np.ndarray) -> np.ndarray:
    """A large image made smaller: for a camera the lie of the land counts, not the edges of leaves."""
    height, width = image.shape[:2]
    scale = max(_DEPTH_SIDE / max(height, width), _LEAST_SIDE / min(height, width))
    if scale >= 1:
        return image
    return np.array(Image.fromarray(image).resize((round(width * scale), round(height * scale)), reducing_gap=2.0))


def _stretched(depth: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Depth at the image's own size, each pixel the nearest of the small map."""
    rows, columns = (np.arange(side) * short // side for side, short in zip(image.shape, depth.shape, strict=False))
    return depth[np.ix_(rows, columns)]


@attrs.frozen(eq=False)
class _View:
    """Image uint8 (H, W, 3), depth float32 (H, W) along +Z, horizontal field of view in degrees, median depth in the
    trajectory's unit; what estimated the depth, "" where it was given."""

    image: np.ndarray
    depth: np.ndarray
    view_degrees: float
    scene_depth: float
    estimator: str


def _load_camera(device: str) -> Any:
    import diffusers.utils.logging
    import transformers.utils.logging

    from dollygrip_backend.predictor import CameraPipeline

    for library in (diffusers, transformers):  # their bars for a load of milliseconds would break into ours
        library.utils.logging.disable_progress_bar()
    return CameraPipeline.from_pretrained(CameraPipeline.shipped()).to(device)


def _load_depth(device: str) -> Any:
    from dollygrip_backend.scene.estimators import load_estimator

    return load_estimator(device)


def _estimator_name(report: Report) -> str:
    if "torch" not in sys.modules:  # which comes along, and takes seconds
        report("models", 0, 1)
    from dollygrip_backend.scene.estimators import estimator_name

    return estimator_name()
