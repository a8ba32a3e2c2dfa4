"""`dollygrip predict` and `dollygrip render`: the libraries in this process, no server needed.

Requests go through the same validation and the same runner as in the backend.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from PIL import Image

import dollygrip
from dollygrip import formats, shot_record
from dollygrip.errors import DollygripError, InputError
from dollygrip.protocol import PredictRequest, RenderRequest, TrajectoryHeader
from dollygrip.trajectory import Trajectory
from dollygrip_backend.cli.progress import stages
from dollygrip_backend.files import check_folder, read_depth, read_image, uninterrupted, whole_file, whole_sequence
from dollygrip_backend.jobs.validation import validate
from dollygrip_backend.server.capabilities import devices
from dollygrip_backend.video.files import write_frames, write_video
from dollygrip_backend.workers.runner import Report, Runner

_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_LINE_FIELDS = {"id", "image", "prompt", "frames", "fps", "seed"}


def predict(
    image: Path, depth: Path | None, request: PredictRequest, out: Path, director: str | None = None
) -> list[Path]:
    """Predict the takes of one image and write them; returns the files.

    director: folder or hub name of a vision-language model that rewrites the prompt first; the takes tell what it did.
    """
    form = formats.format_of_name(out)
    arrays = {"image": read_image(image)}
    if (values := read_depth(depth)) is not None:
        arrays["depth"] = values
    request = validate(request, arrays)
    numbers = range(1, request.takes + 1)
    files = [out] if request.takes == 1 else [_numbered(out, form, number) for number in numbers]
    for file in files:
        formats.check_target(file, form)  # now, not when the takes are there
    with stages() as report:
        directed = attrs.evolve(request, direct=director is not None)
        takes = _takes(Runner(devices()[0], director or ""), directed, arrays, report)
    if director is not None:
        _tell_direction(takes[0].meta["director"])
    if guess := _guess(takes[0].meta):
        print(f"Warning: {guess}", file=sys.stderr)
    for file, take in zip(files, takes, strict=True):
        formats.write(file, take, form)
    return files


def predict_batch(lines_file: Path, request: PredictRequest, out: Path) -> int:
    """Predict one camera for each line of a JSONL file; `request` has what lines leave out.

    A bad line is reported with its number and the others go on; returns how many were bad. Raises InputError where the
    file cannot be read or has no lines.
    """
    try:
        lines = lines_file.read_text("utf-8-sig").split("\n")  # a prompt may hold what else ends a line in Unicode
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The batch file {lines_file} cannot be read: {error}.", "Give a JSONL file.") from error
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise InputError(f"The batch file {lines_file} has no lines.", 'Write lines like {"id", "image", "prompt"}.')
    check_folder(out)
    runner, seen, bad = Runner(devices()[0]), set(), 0
    with stages() as report:
        for done, (number, line) in enumerate(numbered):
            report("batch", done, len(numbered))
            try:
                name, line_request, arrays = _batch_line(line, request, lines_file.parent)
                if name in seen:
                    raise InputError(f"The id {name!r} was used before.", "Give each line its own id.")
                seen.add(name)
                (take,) = _takes(runner, validate(line_request, arrays), arrays, lambda *_: None)
                formats.write(out / f"{name}.camera.json", take)
                if guess := _guess(take.meta):
                    print(f"Line {number}: Warning: {guess}", file=sys.stderr)
            except DollygripError as error:
                bad += 1
                print(f"Line {number}: {error}", file=sys.stderr)
    return bad


def _guess(meta: dict[str, Any]) -> str:
    """The sentence for a take whose prompt could not be read, else ""."""
    strange = meta.get("strange")
    if strange is None:
        return ""
    why = (
        f"Dollygrip reads English only, and does not know {', '.join(strange)}"
        if strange
        else "the prompt has no words"
    )
    return f"The camera is a guess: {why}."


def render(image: Path, take: Path, depth: Path | None, out: Path, request: dict[str, Any]) -> None:
    """Render a camera file to a folder of numbered PNG images, or to a video where `out` ends in .mp4.

    request: prompt, engine, size and seed of a RenderRequest.
    """
    arrays, trajectory = {"image": read_image(image)}, formats.read(take)
    if (values := read_depth(depth)) is not None:
        arrays["depth"] = values
    arrays |= {"c2w": trajectory.c2w, "intrinsics": trajectory.intrinsics}
    _render(arrays, trajectory, out, request)


def render_again(shot: Path, out: Path) -> None:
    """Render a shot from its provenance alone: see shot_record.folder_of.

    Raises InputError where that is incomplete or was changed.
    """
    folder = shot_record.folder_of(shot)
    record = shot_record.read(folder)
    if folder.resolve() in (out.resolve(), shot_record.beside(out)):
        raise InputError(f"{out} is the shot itself.", "Name another output.")
    trajectory = formats.read(folder / shot_record.CAMERA)
    arrays = record.arrays(folder, trajectory, read_image(folder / shot_record.IMAGE))
    if record.dollygrip != dollygrip.__version__:
        print(f"Warning: Dollygrip {record.dollygrip} rendered it, this is {dollygrip.__version__}.", file=sys.stderr)
    _check_estimator(record.depth_estimator)
    request = {"prompt": record.prompt, "engine": record.engine, "size": record.size, "seed": record.seed}
    _render(arrays, trajectory, out, request)


def _render(arrays: dict[str, np.ndarray], trajectory: Trajectory, out: Path, request: dict[str, Any]) -> None:
    """Render to `out`, and keep with it what it takes to do so again."""
    checked = validate(RenderRequest(trajectory=TrajectoryHeader.of(trajectory), **request), arrays)
    video = out.suffix.lower() == ".mp4"
    if not video and out.suffix and not out.is_dir():
        raise InputError(f"The output {out} is neither a folder nor an .mp4 file.", "Name a folder or an .mp4 file.")
    kept = shot_record.beside(out)
    target = whole_file(out) if video else whole_sequence(out.resolve(), shot_record.frames_of(kept))
    summary: dict[str, Any] = {}

    def frames(report: Report) -> Iterator[np.ndarray]:
        summary.update((yield from Runner(devices()[0]).run(checked, arrays, report)))

    with uninterrupted() as placing, stages() as report, target as part, whole_sequence(kept) as record:
        if video:
            write_video(part, frames(report), trajectory.fps)
        else:
            write_frames(part, frames(report))
        shot_record.keep(record, checked, trajectory, arrays, _write_image)
        shot_record.note_depth_estimator(record, summary.get("depth_estimator", ""))
        placing()  # frames without their record, or with an earlier one's, could not be rendered again


def _write_image(path: Path, rgb: np.ndarray) -> None:
    Image.fromarray(rgb).save(path)


def _check_estimator(name: str) -> None:
    """Raise InputError where a shot's depth was estimated by something else than this machine would take."""
    from dollygrip_backend.scene.estimators import estimator_name

    if name and name != (own := estimator_name()):
        raise InputError(
            f"The depth of this shot was estimated by {name}, and this machine would take {own}: the frames would not "
            "be the same.",
            "Use a machine with that model, or render it as a new shot.",
        )


def _tell_direction(direction: dict[str, str]) -> None:
    """Say aloud what the director made of the prompt; see Direction.meta."""
    if "warning" in direction:
        print(f"Warning: {direction['warning']}", file=sys.stderr)
    print(f"Director: {direction['prompt']}", file=sys.stderr)


def _takes(runner: Runner, request: PredictRequest, arrays: dict[str, np.ndarray], report: Report) -> list[Trajectory]:
    return list(runner.run(request, arrays, report))


def _numbered(out: Path, form: formats.Format, number: int) -> Path:
    """take.camera.json -> take_01.camera.json; transforms.json, a whole name that stays -> take_01/transforms.json"""
    at = len(out.name) - form.asked_by(out.name)
    stem, suffix = out.name[:at], out.name[at:]
    return out.with_name(f"{stem}_{number:02d}{suffix}") if stem else out.parent / f"take_{number:02d}" / suffix


def _batch_line(line: str, request: PredictRequest, folder: Path) -> tuple[str, PredictRequest, dict[str, np.ndarray]]:
    """A line's id, request and arrays. Relative images are looked for beside the batch file, then from here."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"It is not valid JSON: {error}.") from error
    if not isinstance(fields, dict) or not {"id", "image", "prompt"} <= fields.keys() <= _LINE_FIELDS:
        raise InputError("It must be an object of id, image and prompt, and frames, fps and seed if they differ.")
    name = str(fields["id"])
    if not _SAFE_NAME.fullmatch(name):
        raise InputError(f"The id {name!r} is no safe file name.", "Use letters, digits, dots, dashes, underscores.")
    for key, kinds in (("image", str), ("prompt", str), ("frames", int), ("fps", int | float), ("seed", int)):
        if key in fields and (not isinstance(fields[key], kinds) or isinstance(fields[key], bool)):
            raise InputError(f"Its {key} is {fields[key]!r}, which is of the wrong type.")
    changes = {key: fields[key] for key in ("prompt", "frames", "fps", "seed") if key in fields}
    beside = folder / fields["image"]
    try:
        image = read_image(beside if beside.exists() else Path(fields["image"]))
    except OSError as error:  # a name that is too long
        raise InputError(f"The image {fields['image'][:60]} … cannot be read: {error.strerror}.") from error
    return name, attrs.evolve(request, **changes), {"image": image}
