"""Evaluation of the camera predictor: prompts in, verdicts of the geometric judge out, as JSON and as a page."""

import html
import json
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np

from dollygrip.errors import InputError
from dollygrip.trajectory import Trajectory
from dollygrip_backend.evaluation.figures import COLOURS, curves, side_view, top_view
from dollygrip_backend.evaluation.judge import MOVES, TRAVELS, Verdict, judge
from dollygrip_backend.evaluation.space import Space, evaluate_space
from dollygrip_backend.files import read_image
from dollygrip_backend.predictor import CameraPipeline
from dollygrip_backend.scene.estimators import load_estimator

_EXTRAS = ("amounts", "of", "ordered", "kind")
_KEYS = {"id", "prompt", "move", "expect", "image", *_EXTRAS}
_NEAR = 0.13  # of the picture's sides: how far from a point on a thing its middle may be found


@attrs.frozen
class Case:
    """One line of a prompt file. expect: the moves asked for; amounts and ordered as in `judge`.

    of: (x, y) in 0..1 of the image, a point on the thing that the prompt names, whose distance the amounts of travels
    are shares of ("halfway to the lamp"); None where they are scene depths. kind: a group of the report, such as
    "static" or "quantity"; empty for a case that belongs to none.
    """

    id: str
    prompt: str
    expect: tuple[str, ...]
    amounts: dict[str, float] = attrs.field(factory=dict)
    ordered: bool = False
    image: Path | None = None
    kind: str = attrs.field(default="", validator=attrs.validators.instance_of(str))
    of: tuple[float, float] | None = attrs.field(default=None, converter=attrs.converters.optional(tuple))

    @amounts.validator
    def _of_its_moves(self, _: attrs.Attribute, amounts: dict[str, float]) -> None:
        for name, value in amounts.items():
            if name not in self.expect:
                raise ValueError(f"amounts has {name!r}, which is not expected")
            if type(value) not in (int, float) or not 0 < value < np.inf:
                raise ValueError(f"the amount of {name} is {value!r}, not a positive number")

    @of.validator
    def _in_the_image(self, _: attrs.Attribute, of: tuple[float, float] | None) -> None:
        if of is not None and not (self.image and len(of) == 2 and all(0 <= side < 1 for side in of)):
            raise ValueError("of is not a place (x, y) in the case's image")


@attrs.frozen
class Result:
    """A case with the camera predicted for one seed and its verdict."""

    case: Case
    seed: int
    trajectory: Trajectory
    verdict: Verdict


@attrs.frozen
class Summary:
    """What `evaluate_predictor` found: shares from 0 to 1, jerk as in `judge.jerk`.

    by_kind holds the cases that name a kind; by_move all, several moves joined by "+", or ">" where in order; sight,
    of those with a place, where their thing was found.
    """

    success: float
    by_kind: dict[str, float]
    by_move: dict[str, float]
    sight: dict[str, float]
    median_jerk: float
    seconds: float
    results: list[Result]


def read_cases(file: Path) -> list[Case]:
    """Read JSON lines {"id", "prompt", "move" or "expect": [...], "amounts"?, "of"?, "ordered"?, "image"?,
    "kind"?}.

    "move": "orbit" means an orbit in either direction. Images are relative to the file. Raises InputError with the
    line that is wrong, also where it has another key or an amount that is not judged.
    """
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise InputError(f"Cannot read the prompts {file}: {error.strerror}.") from error
    cases = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            if strange := sorted(entry.keys() - _KEYS):
                raise ValueError(f"unknown key {strange[0]!r}")
            expect = tuple(entry["expect"] if "expect" in entry else [entry["move"]])
            image = file.parent / entry["image"] if entry.get("image") else None
            extras = {key: entry[key] for key in _EXTRAS if key in entry}
            case = Case(str(entry["id"]), entry["prompt"], expect, image=image, **extras)
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


def evaluate_cases(pipeline: CameraPipeline, cases: list[Case], seeds: int = 1) -> list[Result]:
    """Predict and judge every case for seeds 0 to seeds - 1, with depth and field of view estimated from the image as
    the backend does. Cases without an image share a plain grey one without a depth."""
    results, estimator = [], load_estimator(model="embedded")
    for image_path in dict.fromkeys(case.image for case in cases):
        group = [case for case in cases if case.image == image_path]
        image = read_image(image_path) if image_path else np.full((400, 640, 3), 128, np.uint8)
        view = {} if image_path is None else attrs.asdict(estimator.estimate(image))
        for seed in range(seeds):
            takes = pipeline.batch(image, [case.prompt for case in group], seed=seed, **view)
            for case, take in zip(group, takes, strict=True):
                results.append(Result(case, seed, take, _judged(case, take, view.get("depth"))))
    return results


def _judged(case: Case, take: Trajectory, depth: np.ndarray | None) -> Verdict:
    """The verdict on a take; depth (H, W) of the case's image in the unit of the take."""
    if case.of is None:
        return judge(take, case.expect, case.amounts, case.ordered)
    (width, height), (fx, fy, cx, cy) = take.size, take.intrinsics[0]
    x, y = case.of[0] * width, case.of[1] * height
    away = float(depth[int(y * len(depth) / height), int(x * depth.shape[1] / width)]) / take.scene_depth
    travels = (*TRAVELS, "dolly_zoom")
    amounts = {name: value * (away if MOVES[name][0] in travels else 1.0) for name, value in case.amounts.items()}
    aside = np.degrees(np.arctan([(x - cx) / fx, (cy - y) / fy]))
    return judge(take, case.expect, amounts, case.ordered, tuple(aside))


def evaluate_predictor(
    prompts: Path,
    out: Path,
    seeds: int = 1,
    weights: Path | None = None,
    scenes: Path | None = None,
) -> Summary:
    """Judge the predictor on a file of prompts; writes `out`/report.json and `out`/report.html, prints a table.

    weights: a saved pipeline, the shipped one by default. scenes: held-out scenes that name their objects; with them,
    what it knows of space is measured too, first. The success rate counts every seed of every prompt. Raises InputError
    for prompts or scenes that cannot be measured on.
    """
    cases = read_cases(prompts)
    pipeline = CameraPipeline.from_pretrained(weights or CameraPipeline.shipped())
    space = evaluate_space(pipeline, scenes) if scenes else None
    start = time.perf_counter()
    results = evaluate_cases(pipeline, cases, seeds)
    summary = summarise(results, time.perf_counter() - start)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(_as_json(summary, space), indent=1), encoding="utf-8")
    (out / "report.html").write_text(_page(summary), encoding="utf-8")
    for title, groups in _tables(summary):
        print(title)
        for name, (share, count) in groups.items():
            print(f"  {name:38s} {share:6.1%} of {count}")
    if space:
        print("In space", *space.lines(), sep="\n")
    print(
        f"obeyed {summary.success:.1%} of {len(results)}; median jerk {summary.median_jerk:.0f}; {out / 'report.html'}"
    )
    return summary


def summarise(results: list[Result], seconds: float) -> Summary:
    """Shares of obeyed cases, over all, by kind and by what was expected."""
    return Summary(
        success=float(np.mean([r.verdict.obeyed for r in results])),
        by_kind={name: share for name, (share, _) in _grouped(results, _kind).items() if name},
        by_move={name: share for name, (share, _) in _grouped(results, _moves).items()},
        sight={name: share for name, (share, _) in _sight(results).items()},
        median_jerk=float(np.median([r.verdict.jerk for r in results])),
        seconds=seconds,
        results=results,
    )


def _kind(case: Case) -> str:
    return case.kind


def _moves(case: Case) -> str:
    return (" > " if case.ordered else " + ").join(case.expect)


def _grouped(results: list[Result], key: Callable[[Case], str]) -> dict[str, tuple[float, int]]:
    """(share obeyed, count) by key, in the order of the keys."""
    groups: dict[str, list[bool]] = {}
    for result in results:
        groups.setdefault(key(result.case), []).append(result.verdict.obeyed)
    return {name: (float(np.mean(group)), len(group)) for name, group in sorted(groups.items())}


def _tables(summary: Summary) -> list[tuple[str, dict[str, tuple[float, int]]]]:
    """The tables of the report with their titles."""
    named = [r for r in summary.results if r.case.kind]
    kinds = [("By kind", _grouped(named, _kind))] if named else []
    sight = _sight(summary.results)
    things = [("The thing that a prompt names", sight)] if sight else []
    return [*kinds, ("By move", _grouped(summary.results, _moves)), *things]


def _sight(results: list[Result]) -> dict[str, tuple[float, int]]:
    """(share, count) of the cases with a place, by where the camera takes the thing to be."""
    placed = [r for r in results if r.case.of]
    found = [r.trajectory.meta.get("subject") for r in placed]
    apart = [np.hypot(*np.subtract(there, r.case.of)) for there, r in zip(found, placed, strict=True) if there]
    near, count = sum(away <= _NEAR for away in apart), len(placed)
    shares = {"found there": near, "found elsewhere": len(apart) - near, "left open": count - len(apart)}
    return {name: (share / count, count) for name, share in shares.items()} if count else {}


def _as_json(summary: Summary, space: Space | None) -> dict:
    rows = [
        {
            "id": r.case.id,
            "kind": r.case.kind,
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
    shares = {key: getattr(summary, key) for key in ("success", "by_kind", "by_move", "sight")}
    known = {"space": attrs.asdict(space)} if space else {}
    return {**shares, **known, "median_jerk": summary.median_jerk, "seconds": summary.seconds, "cases": rows}


def _page(summary: Summary) -> str:
    rows = "".join(
        f"<tr class={'ok' if r.verdict.obeyed else 'bad'}><td>{html.escape(r.case.id)}<td>{html.escape(r.case.prompt)}"
        f"<td>{html.escape(_moves(r.case))}<td>{r.seed}<td>{html.escape(r.verdict.reason)}"
        f"<td>{top_view(r.trajectory)}<td>{side_view(r.trajectory)}<td>{curves(r.trajectory)}<td>"
        + " ".join(f"{axis}&nbsp;{value:.2f}" for axis, value in r.verdict.amounts.items())
        for r in summary.results
    )
    tables = "".join(
        f"<h2>{title}</h2><table>"
        + "".join(
            f"<tr><td>{html.escape(name)}<td><meter value={share:.3f}></meter><td>{share:.0%} of {count}"
            for name, (share, count) in groups.items()
        )
        + "</table>"
        for title, groups in _tables(summary)
    )
    legend = " ".join(f"<b style='color:{colour}'>{axis}</b>" for axis, colour in COLOURS.items())
    style = "body{font:14px sans-serif}td{border-top:1px solid #ccc;padding:3px 8px}.bad{background:#fdd}"
    return (
        f"<!doctype html><meta charset=utf-8><title>Camera predictor</title><style>{style}</style>"
        f"<h1>Camera predictor: {summary.success:.1%} of {len(summary.results)} obeyed</h1>{tables}"
        "<h2>Cases</h2><p>Paths from above and from the right, two scene depths across; ticks show where the camera "
        f"looks. Curves: {legend} over time, in units of the least visible amount (dashed)."
        f"<table>{rows}</table>"
    )
