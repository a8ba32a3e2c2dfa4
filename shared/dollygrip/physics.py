"""Rigs: what a tripod, a dolly or a drone could have done of a camera move.

A rig bounds speed, acceleration and jerk of three independent motions: over the ground, up and down, and turning. A
move is projected onto the set of moves that the rig can do: the nearest one in the least-squares sense, so a move
within the bounds is left alone and applying a rig twice changes nothing. Bounded jerk is the inertia: a heavy rig
takes time to build up its acceleration, and so a sudden start or stop becomes an ease.

    minimise |x - x0|^2   subject to   |D_k x| fps^k <= limit_k (k = 1, 2, 3),   x[0] and x[-1] kept

by ADMM (Boyd et al. 2011, section 3 and 5). Its iterates meet the bounds only in the limit, so the result is mixed
with a straight, even move, as little as is needed to meet them exactly: convexity makes that always possible.

Turning is measured by the rotation vectors from frame to frame, in the camera's own axes.
"""

import attrs
import numpy as np

from dollygrip.errors import InputError
from dollygrip.rotations import matrix_from_quaternion, matrix_from_rotvec, quaternion_from_matrix, rotvec_from_matrix
from dollygrip.trajectory import Trajectory

# How far a camera sways that is held in the hands: standard deviations along and about the axes to its right, up and
# back, in scene depths and degrees. A person standing sways by about a centimetre within a second or two, 0.3 % of four
# metres. The frame rolls less than it tilts and pans.
SWAY_TRAVEL, SWAY_DEGREES = (0.003, 0.003, 0.002), (0.35, 0.35, 0.2)

_SLACK = 1e-3  # relative excess that counts as within the bounds
_ITERATIONS = 300
_BLOCK = 64


@attrs.frozen
class Limits:
    """Bounds of one motion, per second, second² and second³; a speed of 0 locks it."""

    speed: float
    acceleration: float
    jerk: float

    @classmethod
    def of(cls, speed: float, ramp: float, ease: float) -> "Limits":
        """From the top speed, the seconds to reach it from rest, and the seconds to build up that acceleration."""
        return cls(speed, speed / ramp, speed / ramp / ease)


@attrs.frozen
class Rig:
    """A camera support. ground, height: in scene depths; turn: in degrees; why: where the figures come from."""

    name: str
    title: str
    why: str
    ground: Limits
    height: Limits
    turn: Limits


_NONE = Limits(0.0, 0.0, 0.0)

RIGS = {
    rig.name: rig
    for rig in (
        Rig(
            "tripod", "Tripod",
            "Does not travel. A fluid head pans a picture's width in about 1.5 s at most (a whip pan apart).",
            _NONE, _NONE, Limits.of(40.0, 0.6, 0.25),
        ),
        Rig(
            "dolly", "Dolly",
            "Pushed at a walk, 1.4 m/s, 4 m from the subject; some 200 kg take a second to get going. The column "
            "rises 0.3 m/s.",
            Limits.of(0.35, 1.0, 0.4), Limits.of(0.08, 0.6, 0.3), Limits.of(40.0, 0.6, 0.25),
        ),
        Rig(
            "crane", "Crane",
            "The arm's head travels up to 2 m/s, 5 m from the subject; the counterweighted arm takes 1.5 s for it.",
            Limits.of(0.4, 1.5, 0.5), Limits.of(0.4, 1.5, 0.5), Limits.of(45.0, 0.8, 0.3),
        ),
        Rig(
            "steadicam", "Steadicam",
            "Carried at up to a jog, 2.8 m/s, 4 m from the subject; the arm swallows steps. Climbs stairs at 0.6 m/s.",
            Limits.of(0.7, 0.8, 0.3), Limits.of(0.15, 0.5, 0.3), Limits.of(75.0, 0.5, 0.2),
        ),
        Rig(
            "handheld", "Handheld",
            "On the shoulder at up to a jog, 2.8 m/s, 4 m from the subject; a light body starts and turns at once.",
            Limits.of(0.7, 0.35, 0.1), Limits.of(0.3, 0.25, 0.1), Limits.of(180.0, 0.25, 0.08),
        ),
        Rig(
            "drone", "Drone",
            "15 m/s over the ground and 6 m/s up, as camera drones state for normal mode, 20 m from the subject; "
            "must tilt to accelerate, 5 m/s² at 27°.",
            Limits.of(0.75, 3.0, 0.5), Limits.of(0.3, 1.5, 0.5), Limits.of(90.0, 0.6, 0.2),
        ),
        Rig(
            "car", "Car",
            "14 m/s (50 km/h) along the subject 10 m away, at 3 m/s²; heights change with the road only.",
            Limits.of(1.4, 4.5, 0.8), Limits.of(0.05, 1.0, 0.5), Limits.of(30.0, 1.0, 0.5),
        ),
    )
}  # fmt: skip


@attrs.frozen(eq=False)
class Motions:
    """The three motions of a trajectory, in the units of the limits: ground (T, 2), height (T, 1), turn (T, 3)."""

    ground: np.ndarray
    height: np.ndarray
    turn: np.ndarray

    @classmethod
    def of(cls, trajectory: Trajectory) -> "Motions":
        """Turn is the running sum of the rotation vectors from frame to frame, zero on frame 0."""
        places = trajectory.positions / trajectory.scene_depth
        steps = rotvec_from_matrix(np.swapaxes(trajectory.rotations[:-1], 1, 2) @ trajectory.rotations[1:])
        turn = np.concatenate([np.zeros((1, 3)), np.cumsum(np.degrees(steps), axis=0)])
        return cls(places[:, [0, 2]], places[:, [1]], turn)


def excess(trajectory: Trajectory, rig: Rig) -> dict[str, tuple[float, int]]:
    """How far a move exceeds a rig: by motion and order, such as "turn speed", the ratio to the limit and the frame.

    Only what is over its limit is listed; where the limit is zero the ratio is infinite.
    """
    motions, found = Motions.of(trajectory), {}
    for name in ("ground", "height", "turn"):
        ratios = _ratios(getattr(motions, name), getattr(rig, name), trajectory.fps)
        for order, ratio in zip(("speed", "acceleration", "jerk"), ratios, strict=True):
            if ratio.size and ratio.max() > 1 + _SLACK:
                found[f"{name} {order}"] = float(ratio.max()), int(ratio.argmax())
    return found


def constrain(trajectory: Trajectory, rig: Rig, share: float = 1.0, first: int = 0) -> tuple[Trajectory, list[str]]:
    """The nearest move that the rig can do, and in sentences what had to give way; a possible move comes back itself.

    Frame 0 is kept, and the end pose where it can be reached within the speed. Lens, timing and frame count stay.
    share: of the accelerations and jerks that may be used; the rest is room for curves that are fitted to the move.
    first: the number of frame 0 in what is said; lengths are said in metres, which the trajectory is taken to have.
    """
    over = excess(trajectory, rig)
    if not over:
        return trajectory, []
    motions, fps, depth = Motions.of(trajectory), trajectory.fps, trajectory.scene_depth
    used = _tightened(rig, share)
    ground = project(motions.ground, used.ground, fps)
    height = project(motions.height, used.height, fps)
    c2w = trajectory.c2w.copy()
    if any(name.startswith("turn") for name in over):
        c2w[:, :3, :3] = _turned(trajectory, motions.turn, used.turn)
    c2w[:, :3, 3] = np.stack([ground[:, 0], height[:, 0], ground[:, 1]], 1) * depth
    made = attrs.evolve(trajectory, c2w=c2w)
    return made, _gave_way(trajectory, made, rig, over, first)


def _tightened(rig: Rig, share: float) -> Rig:
    def less(limits: Limits) -> Limits:
        return Limits(limits.speed, share * limits.acceleration, share * limits.jerk)

    return attrs.evolve(rig, ground=less(rig.ground), height=less(rig.height), turn=less(rig.turn))


def project(values: np.ndarray, limits: Limits, fps: float) -> np.ndarray:
    """The nearest (T, C) to `values` within the limits, by the norm over C; raises InputError for negative limits.

    The first value is kept, and the last one unless even a straight move to it is too fast: then the whole move is
    made smaller, so that its shape stays, until its length can be covered in time.
    """
    if min(limits.speed, limits.acceleration, limits.jerk) < 0:
        raise InputError(f"A rig's limits must not be negative: {limits}.")
    values = np.asarray(values, float)
    if len(values) < 2 or _worst(values, limits, fps) <= 1 + _SLACK:
        return values
    if limits.speed == 0:
        return np.repeat(values[:1], len(values), 0)
    reach = limits.speed * (len(values) - 1) / fps * (1 - _SLACK)
    if np.linalg.norm(values[-1] - values[0]) > reach:
        length = np.linalg.norm(np.diff(values, axis=0), axis=1).sum()
        values = values[0] + (values - values[0]) * reach / length
    even = values[0] + np.linspace(0, 1, len(values))[:, None] * (values[-1] - values[0])
    near = _admm(values, limits, fps)
    rest, over = _worst(even, limits, fps), _worst(near, limits, fps)
    return near if over <= 1 else near + (even - near) * min(1.0, (over - 1) / max(over - rest, 1e-12))


def _ratios(values: np.ndarray, limits: Limits, fps: float) -> list[np.ndarray]:
    """Norms of the first three differences over their limits, (T - k,) each."""
    orders = enumerate((limits.speed, limits.acceleration, limits.jerk), 1)
    sizes = [(np.linalg.norm(np.diff(values, k, axis=0), axis=1) * fps**k, limit) for k, limit in orders]
    return [np.where(size > 1e-9, size / limit, 0.0) if limit else np.where(size > 1e-6, np.inf, 0.0)
            for size, limit in sizes]  # fmt: skip


def _worst(values: np.ndarray, limits: Limits, fps: float) -> float:
    return max((float(ratio.max()) for ratio in _ratios(values, limits, fps) if ratio.size), default=0.0)


def _admm(values: np.ndarray, limits: Limits, fps: float) -> np.ndarray:
    """Projection by ADMM: the differences, scaled so that their bound is 1, are split off and clipped to the unit ball.

    The end frames are weighted so heavily that what is left of their error is a fraction of the slack; a ramp takes it.
    """
    count, unit = len(values), limits.speed / fps
    orders = [k for k in (1, 2, 3) if k < count]
    scale = {k: unit * fps**k / (limits.speed, limits.acceleration, limits.jerk)[k - 1] for k in orders}
    weight = np.ones(count)
    weight[[0, -1]] = 1e8
    rho = {k: 4.0**-k * 10 / scale[k] ** 0.5 for k in orders}
    solve = _banded_solver(weight, {k: rho[k] * scale[k] ** 2 for k in orders})
    x = values / unit
    split = {k: scale[k] * np.diff(x, k, axis=0) for k in orders}
    dual = {k: np.zeros_like(split[k]) for k in orders}
    for _ in range(_ITERATIONS):
        pull = weight[:, None] * values / unit
        for k in orders:
            pull += rho[k] * scale[k] * _transposed(split[k] - dual[k], k)
        x = solve(pull)
        for k in orders:
            seen = 1.6 * scale[k] * np.diff(x, k, axis=0) - 0.6 * split[k]
            free = seen + dual[k]
            split[k] = free / np.maximum(1.0, np.linalg.norm(free, axis=1, keepdims=True) * (1 + _SLACK))
            dual[k] = free - split[k]
    out = x * unit
    ends = np.linspace(0, 1, count)[:, None]
    return out + (values[0] - out[0]) * (1 - ends) + (values[-1] - out[-1]) * ends


def _transposed(values: np.ndarray, order: int) -> np.ndarray:
    """The transpose of np.diff of this order: (T - k, C) -> (T, C)."""
    edge = np.zeros((order, values.shape[1]))
    return (-1) ** order * np.diff(np.concatenate([edge, values, edge]), order, axis=0)


def _banded_solver(weight: np.ndarray, strength: dict[int, float]):
    """A solver of (diag(weight) + sum of strength_k D_k^T D_k) x = b, factored once: block Cholesky, any length."""
    count = len(weight)
    size = min(_BLOCK, count)
    blocks = -(-count // size)
    padded = np.zeros((blocks, size, 2 * size))  # the rows of a block: its own columns and the next block's
    for b in range(blocks):
        low = b * size
        rows = np.arange(max(low - 3, 0), min(low + 2 * size + 3, count))
        local = np.zeros((len(rows), len(rows)))
        for k, s in strength.items():
            d = np.diff(np.eye(len(rows)), k, axis=0)
            local += s * d.T @ d
        local += np.diag(weight[rows])
        own, seen = rows[(rows >= low) & (rows < low + size)], rows[(rows >= low) & (rows < low + 2 * size)]
        padded[b][: len(own), : len(seen)] = local[np.ix_(own - rows[0], seen - rows[0])]
    for i in range(count, blocks * size):
        padded[i // size][i % size, i % size] = 1.0
    inverses, carries, kept = [], [], None
    for b in range(blocks):
        own, on = padded[b][:, :size], padded[b][:, size:]
        inverse = np.linalg.inv(own if kept is None else own - kept)
        inverses.append(inverse)
        carries.append(on.T @ inverse)
        kept = carries[-1] @ on

    def solve(rhs: np.ndarray) -> np.ndarray:
        out = np.zeros((blocks * size, rhs.shape[1]))
        out[:count] = rhs
        out = out.reshape(blocks, size, -1)
        for b in range(1, blocks):
            out[b] -= carries[b - 1] @ out[b - 1]
        for b in reversed(range(blocks)):
            out[b] = inverses[b] @ out[b] - (carries[b].T @ out[b + 1] if b + 1 < blocks else 0.0)
        return out.reshape(blocks * size, -1)[:count]

    return solve


def _turned(trajectory: Trajectory, turn: np.ndarray, limits: Limits) -> np.ndarray:
    """(T, 3, 3) rotations within the limits.

    Turns about different axes do not commute, so the projected sum leads a little past the end orientation; what is
    missing is added to the goal a few times over, spread along the shot.
    """
    first, last = trajectory.rotations[0], trajectory.rotations[-1]
    goal, spread = turn.copy(), np.linspace(0, 1, len(turn))[:, None]
    for _ in range(5):
        made = _rolled_out(first, project(goal, limits, trajectory.fps))
        missing = np.degrees(rotvec_from_matrix(made[-1].T @ last))
        if np.linalg.norm(missing) < 0.01:
            break
        goal = goal + spread * missing
    return made


def _rolled_out(first: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """(T, 3, 3) from the first rotation and the running sum (T, 3) of rotation vectors in degrees."""
    out = [first]
    for step in matrix_from_rotvec(np.radians(np.diff(turn, axis=0))):
        out.append(out[-1] @ step)
    return matrix_from_quaternion(quaternion_from_matrix(np.array(out)))  # products drift from rigid by rounding


def _gave_way(
    before: Trajectory, after: Trajectory, rig: Rig, over: dict[str, tuple[float, int]], first: int
) -> list[str]:
    """What was beyond the rig, and how far the shot and its end differ now."""
    said = []
    for motion, does in (("ground", "travel"), ("height", "rise or sink"), ("turn", "turn")):
        worst = max(((*over[name], name) for name in over if name.startswith(motion)), default=None)
        if worst and np.isinf(worst[0]):
            said.append(f"A {rig.title.lower()} does not {does}.")
        elif worst:
            ratio, frame, what = worst
            said.append(f"{what.capitalize()} was {ratio:.1f} times a {rig.title.lower()}'s, at frame {first + frame}.")
    moved = np.linalg.norm(after.positions - before.positions, axis=1)
    turned = np.degrees(
        np.linalg.norm(rotvec_from_matrix(np.swapaxes(before.rotations, 1, 2) @ after.rotations), axis=1)
    )
    said.append(f"The camera moved by up to {_in_words(moved.max())} and {turned.max():.1f}° to get within.")
    if moved[-1] > 0.002 * before.scene_depth or turned[-1] > 0.15:
        said.append(f"The end could not be reached: {_in_words(moved[-1])} and {turned[-1]:.1f}° are missing.")
    return said


def _in_words(metres: float) -> str:
    """A length by two digits, no finer than a micrometre, in the unit that makes them readable."""
    size, unit = next(((s, u) for s, u in ((1.0, "m"), (0.01, "cm")) if metres >= s), (0.001, "mm"))
    return f"{np.format_float_positional(round(metres / size, 3), 2, unique=False, fractional=False, trim='-')} {unit}"
