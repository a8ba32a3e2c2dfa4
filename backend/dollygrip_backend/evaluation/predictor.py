"""Evaluation of the camera predictor: prompts in, verdicts of the geometric judge out, as JSON and as a page."""

import html
import json
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
from PIL import Image

from dollygrip.errors import InputError
from dollygrip.trajectory import Trajectory
from dollygrip_backend.evaluation.judge import MOVES, Verdict, judge
from dollygrip_backend.predictor import CameraPipeline


@attrs.frozen
class Case:
    """One line of a prompt file. expect: the moves asked for; amounts and ordered as in `judge`."""

    id: str
    prompt: str
    expect: tuple[str, ...]
    amounts: dict[str, float] = attrs.field(factory=dict)
    ordered: bool = False
    image: Path | None = None


@attrs.frozen
class Result:
    """A case with the camera predicted for one seed and its verdict."""

    case: Case
    seed: int
    trajectory: Trajectory
    verdict: Verdict


@attrs.frozen
class Summary:
    """What `evaluate_predictor` found: shares from 0 to 1, jerk as in `judge.jerk`."""

    success: float
    by_move: dict[str, float]
    median_jerk: float
    seconds: float
    results: list[Result]


def read_cases(file: Path) -> list[Case]:
    """Read JSON lines {"id", "prompt", "move" or "expect": [...], "amounts"?, "ordered"?, "image"?}.

    "move": "orbit" means an orbit in either direction. Images are relative to the file. Raises InputError with the
    line that is wrong.
    """
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise InputError(f"Cannot read the prompts {file}: {error.strerror}.") from error
    cases = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            expect = tuple(entry["expect"] if "expect" in entry else [entry["move"]])
            image = file.parent / entry["image"] if entry.get("image") else None
            case = Case(
                str(entry["id"]), entry["prompt"], expect, entry.get("amounts", {}), entry.get("ordered", False), image
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"Line {number} of {file} is not a case ({type(error).__name__}: {error}).",
                'Write {"id": …, "prompt": …, "move": …} on each line.',
            ) from error
        unknown = [name for name in case.expect if name not in MOVES]
        if unknown:
            raise InputError(f"Line {number} of {file} expects {unknown[0]!r}.", f"The judge knows {', '.join(MOVES)}.")
        cases.append(case)
    if not cases:
        raise InputError(f"The prompt file {file} is empty.", "Write one JSON object on each line.")
    return cases


def evaluate_cases(pipeline: CameraPipeline, cases: list[Case], seeds: int = 1, frames: int = 81) -> list[Result]:
    """Predict and judge every case for seeds 0 to seeds - 1. Cases without an image share a plain grey one."""
    results = []
    for image_path in dict.fromkeys(case.image for case in cases):
        group = [case for case in cases if case.image == image_path]
        image = _read_image(image_path)
        for seed in range(seeds):
            takes = pipeline.batch(image, [case.prompt for case in group], frames=frames, seed=seed)
            for case, take in zip(group, takes, strict=True):
                results.append(Result(case, seed, take, judge(take, case.expect, case.amounts, case.ordered)))
    return results


def evaluate_predictor(
    prompts: Path, out: Path, seeds: int = 1, weights: Path | None = None, say: Callable[[str], None] = print
) -> Summary:
    """Judge the predictor on a file of prompts; writes `out`/report.json and `out`/report.html, prints a table.

    weights: a saved pipeline, the shipped one by default. The success rate counts every seed of every prompt.
    """
    cases = read_cases(prompts)
    pipeline = CameraPipeline.from_pretrained(weights or CameraPipeline.shipped())
    start = time.perf_counter()
    results = evaluate_cases(pipeline, cases, seeds)
    summary = summarise(results, time.perf_counter() - start)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(_as_json(summary), indent=1), encoding="utf-8")
    (out / "report.html").write_text(_page(summary), encoding="utf-8")
    for name, share in summary.by_move.items():
        say(f"{name:32s} {share:7.1%}")
    for result in results:
        if not result.verdict.obeyed:
            say(f"failed {result.case.id} (seed {result.seed}): {result.case.prompt!r}: {result.verdict.reason}")
    say(f"obeyed {summary.success:.1%} of {len(results)}; median jerk {summary.median_jerk:.0f}; {out / 'report.html'}")
    return summary


def summarise(results: list[Result], seconds: float) -> Summary:
    """Shares of obeyed cases, over all and by what was expected."""
    groups: dict[str, list[bool]] = {}
    for result in results:
        joint = " > " if result.case.ordered else " + "
        groups.setdefault(joint.join(result.case.expect), []).append(result.verdict.obeyed)
    return Summary(
        success=float(np.mean([r.verdict.obeyed for r in results])),
        by_move={name: float(np.mean(group)) for name, group in sorted(groups.items())},
        median_jerk=float(np.median([r.verdict.jerk for r in results])),
        seconds=seconds,
        results=results,
    )


def _read_image(path: Path | None) -> np.ndarray:
    if path is None:
        return np.full((400, 640, 3), 128, np.uint8)
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise InputError(f"Cannot read the image {path}: {error}.") from error


def _as_json(summary: Summary) -> dict:
    rows = [
        {
            "id": r.case.id,
            "prompt": r.case.prompt,
            "expect": r.case.expect,
            "seed": r.seed,
            "obeyed": r.verdict.obeyed,
            "reason": r.verdict.reason,
            "amounts": r.verdict.amounts,
            "jerk": r.verdict.jerk,
        }
        for r in summary.results
    ]
    head = {"success": summary.success, "by_move": summary.by_move, "median_jerk": summary.median_jerk}
    return {**head, "seconds": summary.seconds, "cases": rows}


def _page(summary: Summary) -> str:
    rows = "".join(
        f"<tr class={'ok' if r.verdict.obeyed else 'bad'}><td>{html.escape(r.case.id)}<td>{html.escape(r.case.prompt)}"
        f"<td>{html.escape(', '.join(r.case.expect))}<td>{r.seed}<td>{html.escape(r.verdict.reason)}"
        f"<td>{_top_view(r.trajectory)}<td>"
        + " ".join(f"{axis}&nbsp;{value:.2f}" for axis, value in r.verdict.amounts.items())
        for r in summary.results
    )
    moves = "".join(f"<tr><td>{name}<td>{share:.0%}" for name, share in summary.by_move.items())
    style = "body{font:14px sans-serif}td{border-top:1px solid #ccc;padding:3px 8px}.bad{background:#fdd}"
    return (
        f"<!doctype html><meta charset=utf-8><title>Camera predictor</title><style>{style}</style>"
        f"<h1>Camera predictor: {summary.success:.1%} of {len(summary.results)} obeyed</h1><table>{moves}</table>"
        "<h2>Cases</h2><p>Paths from above, two scene depths across; ticks show where the camera looks."
        f"<table>{rows}</table>"
    )


def _top_view(trajectory: Trajectory) -> str:
    """A small SVG of the path from above with viewing directions at nine times."""
    relative = trajectory.relative()
    points = relative.positions[:, [0, 2]] / relative.scene_depth * [40, -40] + [40, 55]
    looks = relative.rotations[:, [0, 2], 2] * [9, -9]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    shown = np.unique(np.linspace(0, len(points) - 1, 9).astype(int))
    ticks = "".join(
        f"<line x1={x:.1f} y1={y:.1f} x2={x + dx:.1f} y2={y + dy:.1f} stroke=#08c />"
        for (x, y), (dx, dy) in zip(points[shown], looks[shown], strict=True)
    )
    return f"<svg width=80 height=80>{ticks}<polyline points='{path}' fill=none stroke=#c30 stroke-width=2 /></svg>"
