"""The geometric judge: does a camera do what its prompt asked, by its poses and lens alone?

A camera is measured as seven amounts, in its own axes from frame to frame (so "pan, then dolly" dollies along the new
direction; travel that was not asked for is forgiven where there is none along frame 0's axes, as on a rail, and
rotation where there is none by the angles of a tripod head, on which a pan after a tilt keeps the horizon level): pan,
tilt, roll in degrees; truck, pedestal, dolly in scene depths; zoom as the logarithm of the focal ratio. Right, up,
clockwise and in are positive. Then:

- a move must reach its least visible amount in its own direction, or half of what is asked where that is less, without
  turning back by more than a tenth of it;
- what was not asked for must stay small: within a floor that an eye does not notice, or a fraction of the main amount;
- an orbit is a pan and a truck of opposite directions about one point: some distance must exist at which a subject
  that the first frame sees keeps its place in the image within 8 degrees, and its distance within a ratio of 1.5, all
  along the path, whatever else rises, tilts or rolls; beside a dolly its distance may change;
- a dolly zoom is a dolly and a zoom of opposite directions: at some distance a thing keeps its size within 12 %;
- a hand-held camera sways: about an axis that no move uses it turns to and fro by a fifth of a degree on average; what
  was not asked for may be twice as large, and a move may turn back by as much;
- a still camera stays within half a degree, a hundredth of the scene depth and one per cent of focal length;
- amounts, where given, are met within 4 degrees (12 for an orbit), 12 % of a focal ratio, 15 % of a distance;
- moves in order: there are moments between which every part of the camera is its move by itself, and no other. So a
  camera may go and come back.

A mirrored move fails by its sign, a drifting or jittering "still" camera by its bounds.
"""

from collections.abc import Sequence

import attrs
import numpy as np

from dollygrip.errors import InputError
from dollygrip.rotations import rotvec_from_matrix
from dollygrip.trajectory import Trajectory
from dollygrip_backend.predictor.channels import angles_of_rotation, rotation_of_angles

AXES = ("pan", "tilt", "roll", "truck", "pedestal", "dolly", "zoom")
MOVES: dict[str, tuple[str, int]] = {
    "pan_right": ("pan", 1), "pan_left": ("pan", -1), "tilt_up": ("tilt", 1), "tilt_down": ("tilt", -1),
    "roll_clockwise": ("roll", 1), "roll_counterclockwise": ("roll", -1),
    "truck_right": ("truck", 1), "truck_left": ("truck", -1),
    "pedestal_up": ("pedestal", 1), "pedestal_down": ("pedestal", -1),
    "dolly_in": ("dolly", 1), "dolly_out": ("dolly", -1), "zoom_in": ("zoom", 1), "zoom_out": ("zoom", -1),
    "orbit_left": ("orbit", 1), "orbit_right": ("orbit", -1),  # left travels left, so it pans right
    "orbit": ("orbit", 0), "dolly_zoom_in": ("dolly_zoom", 1), "dolly_zoom_out": ("dolly_zoom", -1),
    "handheld": ("handheld", 0), "static": ("static", 0),
}  # fmt: skip
# The axis by which a move is measured and all that it uses, where that is not the one of its name.
_MAIN = {"orbit": "pan", "dolly_zoom": "dolly"}
_USED = {"orbit": ("pan", "truck", "dolly"), "dolly_zoom": ("dolly", "zoom"), "handheld": (), "static": ()}
LEAST = {
    "pan": 4.0,
    "tilt": 4.0,
    "roll": 4.0,
    "orbit": 8.0,
    "truck": 0.04,
    "pedestal": 0.04,
    "dolly": 0.04,
    "dolly_zoom": 0.04,
    "zoom": 0.08,
}
# Floors under which an unasked component is not noticed, and the same for a camera that should be still.
QUIET = {"pan": 2.0, "tilt": 2.0, "roll": 2.0, "truck": 0.03, "pedestal": 0.03, "dolly": 0.03, "zoom": 0.03}
STILL = {"pan": 0.5, "tilt": 0.5, "roll": 0.5, "truck": 0.01, "pedestal": 0.01, "dolly": 0.01, "zoom": 0.01}
LEAK = 0.2  # unasked rotation over asked rotation, unasked travel over asked travel
ORBIT_HOLD = 8.0  # degrees
ORBIT_ROUND = 1.5  # ratio of the distances to the subject up to which a way about it is round
_PLACES = np.linspace(-0.8, 0.8, 9)  # from the middle of the picture to its borders, where an orbit's subject may be
SIZE_HELD = float(np.log(1.12))  # of the thing that a dolly zoom is about
SWAY = 0.2  # degrees, standard deviation
_SWAYS = 0.02  # of a visible turn, what a hand-held camera turns from one frame to the next
TRAVELS = ("truck", "pedestal", "dolly")
_ROTATIONS = ("pan", "tilt", "roll")


@attrs.frozen
class Verdict:
    """obeyed, with the reason in words where not; net amounts by axis; jerk as in `jerk`."""

    obeyed: bool
    reason: str
    amounts: dict[str, float]
    jerk: float


def components(trajectory: Trajectory) -> np.ndarray:
    """(T, 7) running amounts in the order of AXES, zero at frame 0."""
    c2w, depth = trajectory.c2w, trajectory.scene_depth
    before = c2w[:-1, :3, :3]
    step = np.einsum("tji,tj->ti", before, np.diff(c2w[:, :3, 3], axis=0)) / depth
    turn = np.degrees(rotvec_from_matrix(np.swapaxes(before, 1, 2) @ c2w[1:, :3, :3]))
    # About the camera's x axis up is positive, about y right, about z clockwise; y points down.
    change = np.concatenate([turn[:, [1, 0, 2]], step * [1, -1, 1]], 1)
    focal = np.log(trajectory.intrinsics[:, 0] / trajectory.intrinsics[0, 0])
    running = np.concatenate([np.zeros((1, 6)), np.cumsum(change, 0)])
    return np.concatenate([running, focal[:, None]], 1)


def jerk(trajectory: Trajectory) -> float:
    """Root mean square third derivative over normalised time, each axis in units of its least visible amount.

    A smoothstep of ten times that amount has 45 on one axis and 120 on all seven; white jitter of a tenth of it over 81
    frames about 200,000.
    """
    if len(trajectory) < 4:
        return 0.0
    scaled = components(trajectory) / [LEAST[axis] for axis in AXES]
    return float(np.sqrt(np.mean(np.diff(scaled, 3, axis=0) ** 2)) * (len(trajectory) - 1) ** 3)


def orbit_hold(trajectory: Trajectory, ratio: float = ORBIT_ROUND) -> tuple[float, float]:
    """(degrees, distance in scene depths): how well a subject that frame 0 sees keeps its direction, at the best place
    and distance where its farthest and nearest distance differ by no more than `ratio`."""
    relative = trajectory.relative()
    right, down, distances = np.meshgrid(_PLACES, _PLACES, np.geomspace(0.15, 6, 90), indexing="ij")
    sides = np.array(trajectory.size) / trajectory.intrinsics[0, :2] / 2  # tangents at the picture's borders
    ahead = np.stack([right * sides[0], down * sides[1], np.ones_like(right)], -1).reshape(-1, 3)
    points = ahead * distances.reshape(-1, 1) * trajectory.scene_depth
    rays = np.einsum("tji,tnj->tni", relative.rotations, points[None] - relative.positions[:, None])
    along = np.einsum("tni,ni->tn", rays, ahead / np.linalg.norm(ahead, axis=1, keepdims=True))
    away = np.maximum(np.linalg.norm(rays, axis=-1), 1e-12)
    worst = np.degrees(np.arccos(np.clip(along / away, -1, 1))).max(0)
    worst[away.max(0) > ratio * away.min(0)] = 180.0
    best = int(np.argmin(worst))
    return float(worst[best]), float(distances.ravel()[best])


def judge(
    trajectory: Trajectory,
    expect: Sequence[str],
    amounts: dict[str, float] | None = None,
    ordered: bool = False,
    aside: tuple[float, float] = (0.0, 0.0),
) -> Verdict:
    """Judge a camera against the moves `expect` (names of MOVES), all of which it must make and no other.

    amounts: asked quantities by move: degrees, scene depths, focal ratios (2.0 for "2x", in or out); ordered: the
    moves follow one another as listed; aside: degrees to the right and up of frame 0's axis where the thing is that a
    push goes to, towards which it may travel and turn, or that a lens closes in on, towards which it may turn. Raises
    InputError for an unknown move.
    """
    for name in expect:
        if name not in MOVES:
            raise InputError(f"The judge knows no move {name!r}.", f"It knows {', '.join(MOVES)}.")
    expect, amounts = list(expect), amounts or {}
    if ordered and len(expect) > 1:
        fault = _order_fault(trajectory, expect, amounts, aside)
    else:
        fault = _first_fault(trajectory, _rails(trajectory), expect, amounts, aside)
    net = dict(zip(AXES, components(trajectory)[-1].tolist(), strict=True))
    return Verdict(fault is None, fault or "obeyed", net, jerk(trajectory))


def _rails(trajectory: Trajectory) -> dict[str, np.ndarray]:
    """Travels along frame 0's axes and angles of a tripod head, each (T,), in the units of `components`."""
    relative = trajectory.relative()
    rails = dict(zip(TRAVELS, (relative.positions / relative.scene_depth * [1, -1, 1]).T, strict=True))
    return rails | dict(zip(_ROTATIONS, np.degrees(angles_of_rotation(relative.rotations)).T, strict=True))


def _first_fault(
    trajectory: Trajectory,
    rails: dict[str, np.ndarray],
    expect: list[str],
    amounts: dict[str, float],
    aside: tuple[float, float],
) -> str | None:
    running = dict(zip(AXES, components(trajectory).T, strict=True))
    if expect in (["static"], []):
        return _excess(running, {}, {}, STILL)
    allowed = dict.fromkeys(AXES, 0.0)  # the asked amount on each axis that a move uses
    for name in expect:
        kind, sign = MOVES[name]
        if kind in ("handheld", "static"):
            continue
        main = running[_MAIN.get(kind, kind)]
        sway = 2 * QUIET[_MAIN.get(kind, kind)] if "handheld" in expect else 0.0
        fault = _move_fault(name, kind, sign or np.sign(main[-1]), main, amounts.get(name), sway)
        fault = fault or (kind == "orbit" and _orbit_fault(trajectory, running, main, expect)) or None
        fault = fault or (kind == "dolly_zoom" and _dolly_zoom_fault(name, main, running["zoom"])) or None
        fault = fault or (name in amounts and _amount_fault(name, kind, abs(main[-1]), amounts[name])) or None
        if fault:
            return fault
        for axis in _USED.get(kind, (kind,)):
            allowed[axis] = max(allowed[axis], float(np.ptp(main)))
    if any(MOVES[name][0] == "orbit" for name in expect) and allowed["pedestal"]:
        allowed["tilt"] = allowed["pan"]  # a crane on an orbit tilts to hold its subject
    floors = {axis: np.full(2, floor) for axis, floor in QUIET.items()}
    if "handheld" in expect:
        if fault := _sway_fault([running[axis] for axis in _ROTATIONS if not allowed[axis]]):
            return fault
        floors = {axis: 2 * floor for axis, floor in floors.items()}
    if {"dolly_in", "dolly_zoom_in", "zoom_in"} & set(expect):
        for angle, turn, travel in zip(aside, ("pan", "tilt"), ("truck", "pedestal"), strict=True):
            towards = np.array([angle < 0, angle > 0])
            floors[turn] = floors[turn] + towards * abs(angle)
            floors[travel] = floors[travel] + towards * abs(np.tan(np.radians(angle))) * allowed["dolly"]
    return _excess(running, rails, allowed, floors)


def _order_fault(
    trajectory: Trajectory, expect: list[str], amounts: dict[str, float], aside: tuple[float, float]
) -> str | None:
    bounds, rails = _moments(components(trajectory), expect), _rails(trajectory)
    for name, start, end in zip(expect, bounds[:-1], bounds[1:], strict=True):
        frames = slice(start, end + 1)
        part = attrs.evolve(trajectory, c2w=trajectory.c2w[frames], intrinsics=trajectory.intrinsics[frames])
        part_of_rails = {axis: path[frames] - path[start] for axis, path in rails.items()}
        fault = _first_fault(part, part_of_rails, [name], amounts, aside if start == 0 else (0.0, 0.0))
        if fault:
            return f"in frames {start} to {end}: {fault}"
    return None


def _moments(running: np.ndarray, expect: list[str]) -> list[int]:
    """The frames at which moves in order most likely begin, and the last: where the sum of what each does in its part,
    less what else happens there, is largest. running (T, 7), as of `components`."""
    steps = np.diff(running, axis=0) / [LEAST[axis] for axis in AXES]
    best, chosen = np.where(np.arange(len(running)) == 0, 0.0, -np.inf), []
    for name in expect:
        kind, sign = MOVES[name]
        used = _USED.get(kind, (kind,))
        own = steps[:, AXES.index(_MAIN.get(kind, kind))] if used else np.zeros(len(steps))
        if kind == "orbit":  # it travels against its pan, as far as it turns
            own = (own - steps[:, AXES.index("truck")]) / 2
        other = np.abs(steps[:, [axis not in used for axis in AXES]]).sum(1)
        if kind == "handheld":  # its sway is its own, as far as no turn is larger
            turns = np.array([axis in _ROTATIONS for axis in AXES])
            own = np.abs(steps[:, turns]).clip(max=_SWAYS).sum(1)
            other = np.abs(steps[:, ~turns]).sum(1)
        gain = np.concatenate([[0.0], np.cumsum((sign * own if sign else np.abs(own)) - other)])
        before = best - gain
        starts = np.array([int(np.argmax(before[: t + 1])) for t in range(len(running))])
        best = before[starts] + gain
        chosen.append(starts)
    bounds = [len(running) - 1]
    for starts in reversed(chosen):
        bounds.insert(0, int(starts[bounds[0]]))
    return bounds


def _move_fault(name: str, kind: str, sign: float, main: np.ndarray, asked: float | None, sway: float) -> str | None:
    unit = "°" if kind in (*_ROTATIONS, "orbit") else ""
    signed, least = sign * main, LEAST[kind]
    if asked is not None:  # "a tenth of the way" to what is near
        least = min(least, (np.log(asked) if kind == "zoom" else asked) / 2)
    if signed[-1] < least:
        way = "goes the wrong way" if signed[-1] < -least else "hardly moves"
        return f"{name} {way}: {signed[-1]:.3g}{unit}, at least {least:.3g}{unit} is asked"
    back = float(np.max(np.maximum.accumulate(signed) - signed))
    if back > max(0.1 * signed[-1], sway):
        return f"{name} turns back by {back:.3g}{unit}"
    return None


def _orbit_fault(trajectory, running, main, expect) -> str | None:
    if running["truck"][-1] * main[-1] > 0 or abs(running["truck"][-1]) < LEAST["truck"]:
        return f"orbit does not travel around: truck {running['truck'][-1]:.3f} for a pan of {main[-1]:.1f}°"
    others = {axis for kind, _ in map(MOVES.get, expect) if kind != "orbit" for axis in _USED.get(kind, (kind,))}
    if others & {"pan", "truck"}:  # what is the orbit's own of these cannot be told
        return None
    angle, _ = orbit_hold(_without(trajectory, others), np.inf if "dolly" in others else ORBIT_ROUND)
    return f"orbit loses its subject: {angle:.1f}° off at the best distance" if angle > ORBIT_HOLD else None


def _without(trajectory: Trajectory, others: set[str]) -> Trajectory:
    """The camera in frame 0's axes without what other moves than an orbit do to it: rise, tilt and roll."""
    relative = trajectory.relative()
    kept = [not others & axes for axes in ({"pedestal"}, {"tilt", "pedestal"}, {"roll"})]  # a crane tilts to hold it
    c2w = relative.c2w.copy()
    c2w[:, 1, 3] *= kept[0]
    c2w[:, :3, :3] = rotation_of_angles(angles_of_rotation(relative.rotations) * [1, *kept[1:]])
    return attrs.evolve(relative, c2w=c2w)


def _dolly_zoom_fault(name: str, travel: np.ndarray, zoom: np.ndarray) -> str | None:
    if -np.sign(travel[-1]) * zoom[-1] < LEAST["dolly_zoom"]:
        return f"{name} does not zoom against its travel: {zoom[-1]:.3g} for {travel[-1]:.3g}"
    distances = np.geomspace(0.15, 6, 90)[:, None]
    size = zoom - np.log(np.maximum(1 - travel / distances, 1e-6))
    changed = float(np.abs(size).max(1).min())
    return f"{name} changes the size of its thing by {np.exp(changed):.2f}" if changed > SIZE_HELD else None


def _sway_fault(idle: list[np.ndarray]) -> str | None:
    """idle: angles (T,) about the axes that no move uses; where each is used, none is asked to sway."""
    sways = [float(np.std(angle - np.linspace(angle[0], angle[-1], len(angle)))) for angle in idle]
    return f"it hardly sways: {max(sways):.2g}° about any idle axis" if sways and max(sways) < SWAY else None


def _amount_fault(name: str, kind: str, got: float, asked: float) -> str | None:
    if kind == "zoom":
        return None if abs(np.exp(got) / asked - 1) <= 0.12 else f"{name} is {np.exp(got):.2f}x, not {asked:.2f}x"
    slack = 12.0 if kind == "orbit" else 4.0 if kind in _ROTATIONS else 0.15 * asked
    return None if abs(got - asked) <= slack else f"{name} is {got:.3g}, not {asked:.3g}"


def _excess(running, rails, allowed, floors) -> str | None:
    """The first axis not asked for whose excursion shows: along the camera's own axes and on its rails, which forgive
    all travels together, or all rotations. floors: of both directions, or (negative, positive)."""
    turned = max((allowed.get(axis, 0.0) for axis in _ROTATIONS), default=0.0)
    travelled = max((float(np.abs(running[axis]).max()) for axis in TRAVELS if allowed.get(axis)), default=0.0)
    for axes, main in ((_ROTATIONS, turned), (TRAVELS, travelled), (("zoom",), 0.0)):
        limits = {axis: np.maximum(floors[axis], LEAK * main) for axis in axes if not allowed.get(axis)}
        faults = [_shown(path, limits) for path in (running, rails) if path.keys() >= limits.keys()]
        if all(faults):
            return faults[0]
    return None


def _shown(path: dict[str, np.ndarray], limits: dict[str, np.ndarray]) -> str | None:
    """The first axis of a path that goes beyond its limits, which are as the floors of `_excess`."""
    for axis, limit in limits.items():
        for size, least in zip((-path[axis].min(), path[axis].max()), np.broadcast_to(limit, 2), strict=True):
            if size > least:
                return f"an unasked {axis} of {size:.3g}, at most {least:.2g} is unnoticed"
    return None
