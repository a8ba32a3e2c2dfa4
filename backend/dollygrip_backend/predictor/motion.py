"""From a plan (which moves, when, how much) to camera channels over normalised time.

Channels (N, 7) relative to frame 0, which is zero:

    0..2  position x, y, z in units of the subject's distance: right, down and ahead along level axes with the heading
          of frame 0, which are its own where it stands level
    3..5  yaw, pitch, roll in radians relative to frame 0's own p and r, R = Ry(yaw) Rx(p + pitch) Rz(r + roll); yaw > 0
          turns right, pitch > 0 looks up, roll > 0 is clockwise from behind the camera; angles count full turns
    6     logarithm of the focal length over frame 0's

Yaw is about the vertical, so a pan after a tilt keeps the horizon level, as on a tripod.
"""

import numpy as np

from dollygrip_backend.predictor.framing import UNSEEN, approach, framed, free_ray, looks_there, reframing
from dollygrip_backend.predictor.plan import EASINGS, TRAVELLING, Phase, Plan
from dollygrip_backend.predictor.settling import USUAL_SECONDS, Context

SAMPLES = 64
CHANNELS = 7
X, Y, Z, YAW, PITCH, ROLL, FOCAL = range(CHANNELS)


def ease(t: np.ndarray, rise: float, fall: float) -> np.ndarray:
    """Progress 0..1 at times t in 0..1 (clipped): a velocity trapezoid with smoothstep ramps of length rise and fall.

    Velocity is C1, so position is C2 and jerk is bounded by 6 / rise².
    """
    t = np.clip(t, 0, 1)
    u, w = np.clip(t / rise, 0, 1), np.clip((1 - t) / fall, 0, 1)
    total = 1 - (rise + fall) / 2
    up = rise * (u**3 - u**4 / 2) + np.maximum(t - rise, 0)
    # Past the fall's start the straight line overshoots by what the ramp down takes away.
    lost = np.maximum(t - (1 - fall), 0) - (fall / 2 - fall * (w**3 - w**4 / 2)) * (t > 1 - fall)
    return (up - lost) / total


def soon_over(phase: Phase, seconds: float) -> bool:
    """Whether a phase is fast and so long that it is over as soon as one of usual length; what travels goes on."""
    travels = any(move.family in TRAVELLING for move in phase.moves)
    return phase.tempo == "fast" and seconds > USUAL_SECONDS and not travels


def _progress(t: np.ndarray, phase: Phase, seconds: float, waited: bool, rng: np.random.Generator | None) -> np.ndarray:
    """Progress of one phase of so many seconds over its local time, by tempo; without rng at constant speed.

    waited: the camera has rested before it, so a whip comes at once.
    """
    tempo = phase.tempo
    if tempo == "constant" or rng is None:
        return ease(t, 0.06, 0.06)
    if tempo in EASINGS:
        long = rng.uniform(0.8, 0.92)
        return ease(t, long, 0.06) if tempo == "accelerating" else ease(t, 0.06, long)
    rise, fall = rng.uniform(0.2, 0.5, 2)
    start, end = 0.0, 1.0
    if tempo == "fast":
        start, end = (
            rng.uniform(0, 0.1),
            rng.uniform(0.5, 0.8) * (USUAL_SECONDS / seconds if soon_over(phase, seconds) else 1),
        )
    elif tempo == "whip":
        start = rng.uniform(0.2, 0.5) * (0.1 if waited else min(1.0, USUAL_SECONDS / max(seconds, 1e-9)))
        end = start + min(rng.uniform(*_WHIP) / max(seconds, 1e-9), 0.5)
    elif tempo == "plain":
        start, end = rng.uniform(0, 0.06), rng.uniform(0.9, 1)
    return ease((t - start) / (end - start), rise, fall)


def _rotation(yaw: float, pitch: float) -> np.ndarray:
    """(3, 3) Ry(yaw) Rx(pitch)."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    return np.array([[cy, sy * sp, sy * cp], [0, cp, -sp], [-sy, cy * sp, cy * cp]])


_ANGLES = {
    "pan_right": (YAW, 1),
    "pan_left": (YAW, -1),
    "tilt_up": (PITCH, 1),
    "tilt_down": (PITCH, -1),
    "roll_clockwise": (ROLL, 1),
    "roll_counterclockwise": (ROLL, -1),
}
_SHIFTS = {
    "truck_right": (0, 1),
    "truck_left": (0, -1),
    "pedestal_down": (1, 1),
    "pedestal_up": (1, -1),
    "dolly_in": (2, 1),
    "dolly_out": (2, -1),
}
_WHIP = (0.3, 0.45)  # seconds
_REACHED = 0.1  # subject distances: nearer than this a camera has arrived, and turns about nothing
_CLOSEST = 0.9  # of the distance: no lens makes up for the last tenth


def _run_phase(phase: Phase, s: np.ndarray, start: np.ndarray, context: Context, aimed: bool, kept: bool) -> np.ndarray:
    """(N, 7) channel changes of one settled phase that starts at the channels `start` (7,), at progress s (N,).

    aimed: a push in goes to the subject, and a lens that closes in or a crane keeps it in frame; kept: so does a camera
    that goes any way.
    """
    out = np.zeros((len(s), CHANNELS))
    if not phase.moves:
        return out
    tilted = _rotation(0.0, start[PITCH] + context.level.pitch)  # the camera's axes at the phase's start, in those …
    shift = np.zeros((len(s), 3))  # … of this: level, with its heading
    orbit = np.zeros(len(s))
    for move in phase.moves:
        amount = move.asked.value
        if move.name in _ANGLES:
            channel, sign = _ANGLES[move.name]
            out[:, channel] += sign * np.radians(amount) * s
        elif aimed and move.name == "dolly_in":
            way, turn = approach(free_ray(phase, context), amount)
            shift += amount * (tilted @ way) * s[:, None]
            out[:, [YAW, PITCH]] += turn * s[:, None]
        elif move.name in _SHIFTS:
            axis, sign = _SHIFTS[move.name]
            shift += sign * amount * (tilted[:, 2] if move.family == "dolly" else np.eye(3)[axis]) * s[:, None]
        elif move.family == "zoom":
            out[:, FOCAL] += (1 if move.way == "in" else -1) * np.log(amount) * s
            if aimed and move.way == "in" and len(phase.moves) == 1:
                out[:, [YAW, PITCH]] += reframing(context, amount) * s[:, None]
        elif move.family == "dolly_zoom":  # the lens keeps the subject's size while the distance to it changes
            distance = tilted[:, 2] @ _arm(start, context)
            travel = s * (min(amount, _CLOSEST * distance) if move.way == "in" else -amount)
            shift += travel[:, None] * tilted[:, 2]
            out[:, FOCAL] += np.log(1 - travel / distance)
        elif move.family == "orbit":
            orbit += (1 if move.way == "left" else -1) * np.radians(amount) * s
    out[:, [YAW, PITCH]] = framed(phase, out[:, [YAW, PITCH]], shift, _arm(start, context), context, aimed, kept)
    if np.any(orbit):
        out[:, :3] += _orbit(out, shift, orbit, start, context)
    else:
        out[:, :3] += shift @ _rotation(start[YAW], 0.0).T
    return out


def _arm(start: np.ndarray, context: Context) -> np.ndarray:
    """(3,) from a camera at the channels `start` (7,) to the subject: to its right, down the vertical, level ahead.

    The subject stays where frame 0 sees it. It is what is ahead, at its first distance, where the camera has passed it,
    or has panned away and the words name nothing.
    """
    ray = context.level_ray()
    arm = _rotation(start[YAW], 0.0).T @ (ray - start[:3])
    panned = context.subject is None and abs(start[YAW]) > UNSEEN
    return ray if panned or arm[2] < _REACHED else arm


def _orbit(out, shift, angle, start, context: Context) -> np.ndarray:
    """(N, 3) positions of a rotation by `angle` (N,) about the vertical through the subject; sets yaw in `out`.

    The subject keeps its place in the image. A dolly in the same phase closes in on it (a spiral), a pedestal
    raises the camera while its pitch keeps the subject at its height in the image.
    """
    arm = _arm(start, context)
    flat = _rotation(start[YAW], 0.0) @ (arm * [1, 0, 1])
    distance = np.linalg.norm(flat)
    closing = np.clip(1 - shift[:, 2] / distance, 0.15, None)[:, None]
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([cos * flat[0] + sin * flat[2], 0 * cos, -sin * flat[0] + cos * flat[2]], 1)
    out[:, YAW] += angle
    positions = flat - turned * closing
    positions[:, 1] = shift[:, 1]
    drop = np.arctan2(arm[1] - shift[:, 1], distance * closing[:, 0]) - np.arctan2(arm[1], distance)
    out[:, PITCH] -= drop * np.any(shift[:, 1])
    return positions


def plan_channels(
    plan: Plan, context: Context, rng: np.random.Generator | None = None, samples: int = SAMPLES
) -> np.ndarray:
    """(samples, 7) channels of a settled plan (`settling.settle`); the first row is zero.

    With rng, one take with its own timing; without, its storyboard: the key poses joined at constant speed.
    """
    time = np.linspace(0, 1, samples)
    shares = np.array([p.share for p in plan.phases])
    if rng is not None and not any(p.lasts for p in plan.phases):
        shares = shares * rng.uniform(0.85, 1.15, len(shares))
    bounds = np.concatenate([[0], np.cumsum(shares) / shares.sum()])
    out = np.zeros((samples, CHANNELS))
    start = np.zeros(CHANNELS)
    first = next((i for i, phase in enumerate(plan.phases) if phase.moves), 0)
    for i, (phase, begin, end) in enumerate(zip(plan.phases, bounds[:-1], bounds[1:], strict=True)):
        # One extra sample at the phase's end is where the next one starts.
        local = np.append((time - begin) / (end - begin), 1.0)
        aimed = i == first and plan.toward and context.subject is not None and not looks_there(plan, i, context)
        waited = i > 0 and not plan.phases[i - 1].moves
        progress = _progress(local, phase, (end - begin) * context.duration, waited, rng)
        change = _run_phase(phase, progress, start, context, aimed, plan.kept)
        out += change[:-1] * (local[:-1, None] > 0)
        start = start + change[-1]
    return out - out[0]
