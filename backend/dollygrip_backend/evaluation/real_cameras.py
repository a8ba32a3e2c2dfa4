"""Real cameras: clips of RealEstate10K shot again by a video engine, from their own first frame by their own poses.

The camera is recovered from the clip's own frames and from the rendered ones by the same estimator. What the estimator
finds on the clip is its own error and that of the given poses; what the rendered frames add is the engine's.

A clip is two files of one name: `NAME.txt`, poses in the format of RealEstate10K or CameraCtrl, and `NAME.mp4` (or a
folder `NAME` of numbered images) with a frame for each pose: the whole 16:9 frame, whatever its pixels' shape.
"""

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import av
import numpy as np
from PIL import Image

from dollygrip import formats
from dollygrip.achieved import AchievedCamera
from dollygrip.errors import DollygripError, InputError
from dollygrip.trajectory import Trajectory
from dollygrip_backend.evaluation.shot import read_shot
from dollygrip_backend.scene.estimators import Estimator, load_estimator
from dollygrip_backend.scene.median import median_depth
from dollygrip_backend.server.capabilities import devices
from dollygrip_backend.video import Shot, VideoEngine, load_engine
from dollygrip_backend.video.achieved import achieved_camera
from dollygrip_backend.video.recovery import LEAST_MATCHES, Recovered, match_frames, recover

MAX_FRAMES = 2000
_SHOWN = 4  # pictures of each clip on the page

# RotErr, TransErr, CamMC as CamI2V (arXiv 2410.15957) reports them in its repository's table: 256x256, 16 frames.
PUBLISHED = {
    "MotionCtrl": (0.8636, 2.5068, 2.9536),
    "CameraCtrl": (0.7098, 1.8877, 2.2557),
    "CamI2V": (0.4758, 1.4955, 1.7153),
}
PUBLISHED_FRAMES = 16


@attrs.frozen(eq=False)
class Clip:
    """frames: uint8 (h, w, 3), all of camera.size; camera: in its file's own unit of length."""

    name: str
    frames: list[np.ndarray]
    camera: Trajectory


@attrs.frozen(eq=False)
class Result:
    """The errors of a clip and of what was rendered in its place against the clip's poses.

    What the camera's figures do not see, as a consistent world may be of the wrong shape: depth_error, the median
    |log| of the estimated depth over the triangulated one in frame 0; misplaced, (T,), see `misplaced`. pictures: frame
    number -> file name of that frame of both, one above the other.
    """

    name: str
    frames: int
    true: AchievedCamera
    achieved: AchievedCamera
    depth_error: float
    misplaced: np.ndarray
    pictures: dict[int, str]

    @property
    def extra(self) -> np.ndarray:
        """Degrees that each rendered frame is further from the request than the clip's own; NaN where not found."""
        return self.achieved.rotation - self.true.rotation


def clip_files(folder: Path) -> list[Path]:
    """The poses of a folder's clips in the order of their names. Raises InputError where there are none."""
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise InputError(f"The folder {folder} has no clips.", "Put NAME.txt with poses beside NAME.mp4.")
    return files


def read_clip(file: Path, size_of: Callable[[tuple[int, int]], tuple[int, int]]) -> Clip:
    """The clip whose poses are in a file, resized to square pixels at size_of((width, height)).

    Raises InputError where its frames cannot be read, or where frames and poses differ in number.
    """
    camera, images = formats.read(file), file.with_suffix("")
    frames = read_shot(images) if images.is_dir() else _decoded(file.with_suffix(".mp4"))
    if len(frames) != len(camera):
        raise InputError(f"The clip {file.stem} has {len(frames)} frames and {len(camera)} poses.", "Trim one.")
    height = frames[0].shape[0]
    size = size_of((round(height * camera.size[0] / camera.size[1]), height))
    resized = [np.asarray(Image.fromarray(f).resize(size, Image.Resampling.BICUBIC)) for f in frames]
    return Clip(file.stem, resized, camera.resized(size))


def _decoded(path: Path) -> list[np.ndarray]:
    try:
        with av.open(str(path)) as container:
            frames = []
            for frame in container.decode(video=0):
                if len(frames) == MAX_FRAMES:
                    raise InputError(f"The video {path} has more than {MAX_FRAMES} frames.", "Cut it into clips.")
                frames.append(frame.to_ndarray(format="rgb24"))
    except (OSError, av.FFmpegError) as error:
        raise InputError(f"The video {path} cannot be read: {error.strerror}.", "Put it beside its poses.") from error
    return frames


def depth_ratios(recovered: Recovered, scale: float, depth: np.ndarray) -> np.ndarray:
    """(N,) for each point triangulated in frame 0 on a surface, its depth in the clip's unit over an estimated depth
    (h, w) there, inf for the sky.

    scale: AchievedCamera.scale of the clip. The median is what the estimate has to be multiplied with to fit the clip's
    parallax, as in CamI2V's evaluation; the spread around it is what is wrong with the estimate's shape.
    """
    x, y = recovered.anchors[:, :2].T.astype(int)
    height, width = depth.shape
    estimated = depth[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return (scale * recovered.anchors[:, 2] / estimated)[np.isfinite(estimated)]


def misplaced(frame: np.ndarray, rendered: np.ndarray) -> float:
    """Median distance, as a share of the width, between where two frames (h, w, 3) show the same features.

    NaN where they share too few.
    """
    matches = match_frames([frame, rendered])
    pairs = matches.pairs.get((0, 1), np.zeros((0, 2), int))
    if len(pairs) < LEAST_MATCHES:
        return float("nan")
    apart = matches.points[0][pairs[:, 0]] - matches.points[1][pairs[:, 1]]
    return float(np.median(np.linalg.norm(apart, axis=1))) / frame.shape[1]


def evaluate_clip(clip: Clip, engine: VideoEngine, estimator: Estimator, out: Path) -> Result:
    """Render a clip's camera from its first frame and compare; pictures of both go into the folder `out`.

    Raises DollygripError where frames show too little. The camera's scene depth, its unit for engines that estimate
    depth, is fitted by `depth_ratios`.
    """
    recovered = recover(clip.frames, clip.camera.intrinsics)
    true = achieved_camera(clip.camera, recovered)
    if not recovered.moves or not recovered.found[0]:
        raise DollygripError(f"The clip {clip.name} does not move enough for a scale.", "Leave it out.")
    depth = estimator.estimate(clip.frames[0]).depth
    ratios = depth_ratios(recovered, true.scale, depth)
    factor = float(np.median(ratios))
    camera = attrs.evolve(clip.camera, scene_depth=factor * median_depth(depth))
    rendered = list(engine.render(Shot(clip.frames[0], "", camera, camera.size, 0)))
    return Result(
        name=clip.name,
        frames=len(rendered),
        true=true,
        achieved=achieved_camera(camera, recover(rendered, camera.intrinsics)),
        depth_error=float(np.median(np.abs(np.log(ratios / factor)))),
        misplaced=np.array([misplaced(*pair) for pair in zip(clip.frames, rendered, strict=True)]),
        pictures=_draw(clip, rendered, out),
    )


def evaluate_real_cameras(folder: Path, out: Path, engine_name: str = "embedded") -> list[Result]:
    """Evaluate every clip of a folder; writes `out`/report.html and report.json, prints a table.

    A clip that cannot be read, or whose camera cannot be recovered, is named and left out; raises DollygripError where
    that is all of them. One clip is in memory at a time.
    """
    device, files = devices()[0], clip_files(folder)
    engine, estimator = load_engine(engine_name, device), load_estimator(device)
    results = []
    for file in files:
        try:
            results.append(evaluate_clip(read_clip(file, engine.info.sizes.nearest), engine, estimator, out))
        except DollygripError as error:
            print(f"{file.stem}: left out: {error}")
            continue
        print(_line(results[-1]))
    if not results:
        raise DollygripError(f"No clip of {folder} could be evaluated.", "Give clips that move and show detail.")
    (out / "report.json").write_text(json.dumps(_as_json(results, engine_name, estimator.name), indent=1), "utf-8")
    (out / "report.html").write_text(_page(results, engine_name), "utf-8")
    for name, values in table(results, engine_name).items():
        print(f"  {name:28s}" + "".join(f"{value:9.3f}" for value in values))
    print(f"median extra rotation error {median_extra(results):+.3f} degrees; {out / 'report.html'}")
    return results


def median_extra(results: list[Result]) -> float:
    """Median over all frames but the first, which has no error, of Result.extra, in degrees."""
    return float(np.nanmedian(np.concatenate([result.extra[1:] for result in results])))


def table(results: list[Result], engine: str) -> dict[str, tuple[float, float, float]]:
    """Name -> mean RotErr, TransErr, CamMC; the published rows only where the clips have as many frames as theirs."""

    def mean(errors: list[AchievedCamera]) -> tuple[float, float, float]:
        return tuple(float(np.mean([getattr(e, name) for e in errors])) for name in ("rot_err", "trans_err", "cam_mc"))

    rows = {"the clips themselves": mean([r.true for r in results]), engine: mean([r.achieved for r in results])}
    comparable = all(r.frames == PUBLISHED_FRAMES for r in results)
    return rows | (PUBLISHED if comparable else {})


def _line(result: Result) -> str:
    return (
        f"{result.name}: rotation off by {np.nanmedian(result.true.rotation):.2f} degrees on the clip, "
        f"{np.nanmedian(result.achieved.rotation):.2f} as rendered; position {np.nanmedian(result.true.position):.1%}, "
        f"{np.nanmedian(result.achieved.position):.1%} of the move; depth off by {np.expm1(result.depth_error):.0%}, "
        f"things misplaced by {np.nanmedian(result.misplaced):.1%} of the width"
    )


def _as_json(results: list[Result], engine: str, estimator: str) -> dict[str, Any]:
    def figures(errors: AchievedCamera) -> dict[str, Any]:
        lists = {name: _or_none(getattr(errors, name)) for name in ("rotation", "position")}
        return {name: getattr(errors, name) for name in ("rot_err", "trans_err", "cam_mc")} | lists

    clips = {
        r.name: {
            "true": figures(r.true),
            "rendered": figures(r.achieved),
            "depth_error": r.depth_error,
            "misplaced": _or_none(r.misplaced),
        }
        for r in results
    }
    return {
        "engine": engine,
        "depth_estimator": estimator,
        "median_extra_degrees": median_extra(results),
        "clips": clips,
    }


def _or_none(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _page(results: list[Result], engine: str) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}" + "".join(f"<td>{value:.3f}" for value in values)
        for name, values in table(results, engine).items()
    )
    clips = "".join(f"<h2>{html.escape(_line(r))}</h2>{_shown(r)}" for r in results)
    style = (
        "body{font:14px sans-serif}td,th{border-top:1px solid #ccc;padding:3px 12px;text-align:left}h2{font:inherit}"
    )
    return (
        f"<!doctype html><meta charset=utf-8><title>Real cameras</title><style>{style}</style>"
        f"<h1>{html.escape(engine)}: rotation {median_extra(results):+.3f} degrees further off than the clips' own</h1>"
        f"<table><tr><th><th>RotErr<th>TransErr<th>CamMC{rows}</table>"
        "<p>Sums over frames, means over clips, lower is better. Published rows: CamI2V's table (arXiv 2410.15957), "
        f"256x256, {PUBLISHED_FRAMES} frames, other clips of the same data set; shown where these are as long. "
        f"Pictures: above the clip, below what was rendered.{clips}"
    )


def _draw(clip: Clip, rendered: list[np.ndarray], out: Path) -> dict[int, str]:
    out.mkdir(parents=True, exist_ok=True)
    numbers = np.unique(np.linspace(0, len(rendered) - 1, _SHOWN).astype(int)).tolist()
    names = {t: f"{clip.name}_{t:03d}.jpg" for t in numbers}
    for t, name in names.items():
        Image.fromarray(np.concatenate([clip.frames[t], rendered[t]])).save(out / name, quality=88)
    return names


def _shown(result: Result) -> str:
    return " ".join(
        f"<img src='{html.escape(name, quote=True)}' width=320 alt='frame {t}'>" for t, name in result.pictures.items()
    )
