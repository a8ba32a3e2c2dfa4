"""From what a plan leaves open to one take: every way chosen, every amount drawn."""

import attrs
import numpy as np

from dollygrip_backend.predictor.level import UPRIGHT, Level
from dollygrip_backend.predictor.plan import EITHER, FAMILIES, TRAVELLING, Amount, Move, Phase, Plan

# Default amounts as (low, high): degrees for rotations at a 50 degree view, subject distances for translations, and
# focal ratios. Everyday words, not numbers, ask for these.
AMOUNTS: dict[str, tuple[float, float]] = {
    "pan": (24, 48),
    "tilt": (16, 34),
    "roll": (14, 34),
    "orbit": (30, 72),
    "dolly_in": (0.25, 0.55),
    "dolly_out": (0.35, 0.9),
    "truck": (0.25, 0.6),
    "pedestal": (0.2, 0.5),
    "zoom": (1.4, 2.1),
    "dolly_zoom": (0.25, 0.5),
}
_SLOW = 0.65  # of the default: a shot lasts as long as it lasts, so what is slow goes less far
_LEAST = 0.3  # of the default: a move that is asked for is seen
_LEAST_ORBIT = 20.0  # degrees: less is not seen to go around something, unless a little is asked
_SHOWN = ("dolly_in", "zoom_in", "roll_clockwise", "roll_counterclockwise")  # every picture carries these
USUAL_SECONDS = 3.4  # of a shot of usual amounts
_FRAME = 0.8  # of half the picture's height: where a crane that goes in leaves its subject
_RISE = 0.12  # subject distances: what a crane rises or sinks at least
_LIMITS = {"tilt": 85.0, "dolly_in": 0.8, "dolly_zoom": 0.65, "zoom": 6.0}
_AHEAD = 4.0  # degrees: what lies less to the side needs no turn to be seen
ASIDE = 8.0  # degrees: a pan or tilt the way of what lies less to the side is hardly meant to end there


@attrs.frozen
class Context:
    """What a shot is given beside words.

    view_degrees: horizontal field of view of the reference; duration: seconds; strength: factor on amounts not given
    in numbers; scene_depth: distance of the subject in metres, turns metres into subject distances; subject: its (x, y)
    in the image from 0 to 1, or None for the centre; aspect: width over height; reach: factor on amounts that no number
    says, below 1 where the picture does not carry so far; room: another on how far the camera travels, below 1 where
    there is little room; cropped: share of the image's width that a frame of the shot shows; level: how frame 0 stands
    to the vertical.
    """

    view_degrees: float = 50.0
    duration: float = 3.4
    strength: float = 1.0
    scene_depth: float = 1.0
    subject: tuple[float, float] | None = None
    aspect: float = 1.5
    reach: float = 1.0
    room: float = 1.0
    cropped: float = 1.0
    level: Level = UPRIGHT

    @property
    def focal(self) -> float:
        """Focal length of the reference in millimetres, as in Blender: the frame's longer side is 36 on the sensor."""
        return 18 / np.tan(np.radians(self.view_degrees) / 2) / max(self.cropped, 1 / self.aspect)

    def ray(self) -> np.ndarray:
        """(3,) camera-frame direction of the subject with z = 1."""
        u, v = self.subject or (0.5, 0.5)
        half = np.tan(np.radians(self.view_degrees) / 2)
        return np.array([(2 * u - 1) * half, (2 * v - 1) * half / self.aspect, 1.0])

    def level_ray(self) -> np.ndarray:
        """(3,) from frame 0 to the subject along level axes, in subject distances."""
        return self.level.matrix @ self.ray()


def draw_amount(move: Move, context: Context, rng: np.random.Generator | None) -> float:
    """The amount of one take: degrees, subject distances or a focal ratio; without rng, the middle of its range.

    What was asked in numbers is met; the rest is scaled by size, strength, duration, field of view and reach.
    """
    if move.asked:
        return move.asked.value / (context.scene_depth if move.asked.unit == "metres" else 1)
    key = move.name if move.name in AMOUNTS else move.family
    low, high = np.log(AMOUNTS[key])
    value = float(np.exp((low + high) / 2 if rng is None else rng.uniform(low, high)))
    # A longer shot has room for a larger move, though not in proportion: its speed falls.
    longer = np.clip((context.duration / USUAL_SECONDS) ** 0.3, 0.7, 1.5)
    reach = 1.0 if move.name in _SHOWN else context.reach
    scale = max(move.size * reach, _LEAST) * context.strength * longer
    if move.family in ("pan", "tilt"):
        view = context.view_degrees * (context.cropped if move.family == "pan" else 1)
        scale *= (view / 50) ** 0.7
    if move.family == "truck":
        scale *= context.cropped**0.7
    if move.family in TRAVELLING:
        scale *= context.room
    value = value**scale if move.family == "zoom" else value * scale
    if move.family == "orbit":
        value = max(value, _LEAST_ORBIT * min(1.0, move.size / _SLOW) * min(1.0, context.strength) * context.room)
    return min(value, _LIMITS.get(key, np.inf))


def settle(plan: Plan, context: Context, rng: np.random.Generator | None) -> Plan:
    """The plan of one take: every direction chosen and every amount drawn, in degrees, shares and ratios.

    A whip goes as far as it goes: nobody sees whether the picture carries it.
    A pan or tilt of no direction toward a known subject ends facing it, and so does one to its side. Of two moves of a
    family that follow each other, the one whose direction is open goes the other way: there, or back again.
    """
    phases: list[Phase] = []
    gone: dict[str, str] = {}  # the way that each family went last …
    net: dict[str, float] = {}  # … and how far it is from where it began, its second way positive; of zooms, logarithms
    travelled, whole = False, sum(phase.share for phase in plan.phases)
    for number, phase in enumerate(plan.phases):
        moves = []
        travelled |= any(move.family in TRAVELLING for move in phase.moves)
        for move in phase.moves:
            before, after = gone.get(move.family), _way_next(plan.phases[number + 1 :], move.family)
            if move.to:
                there = attrs.evolve(context, subject=move.to)
                move = _to_the_subject(move, there, plan.past, after is not None, travelled, net.get(move.family, 0.0))
            elif plan.toward and not before:
                move = _to_the_subject(move, context, plan.past, after is not None, travelled)
            if move.asked and move.asked.unit == "millimetres":
                move = _to_the_lens(move, context.focal * np.exp(-net.get("zoom", 0.0)))
            if move.way == EITHER:
                ways = [way for way in FAMILIES[move.family] if way != (before or after)]
                move = attrs.evolve(move, way=ways[0 if rng is None else int(rng.integers(len(ways)))])
            move = attrs.evolve(move, size=move.size * _hurry(phase, move, context.duration * phase.share / whole))
            if move.asked is None or move.asked.unit not in ("settled", "met"):
                drawn = draw_amount(move, attrs.evolve(context, reach=1.0) if phase.tempo == "whip" else context, rng)
                back = _way_back(move, net.get(move.family, 0.0)) if plan.returns and move.asked is None else None
                move = attrs.evolve(move, asked=Amount(back or drawn, "met" if move.asked else "settled"))
            moves.append(move)
        phases.append(attrs.evolve(phase, moves=_craned(tuple(moves), context)))
        for move in phases[-1].moves:
            gone[move.family] = move.way
            net[move.family] = net.get(move.family, 0.0) + _signed(move)
    return attrs.evolve(plan, phases=tuple(phases))


def _craned(moves: tuple[Move, ...], context: Context) -> tuple[Move, ...]:
    """Settled moves at once, where a crane that goes in rises or sinks no farther than leaves the subject in frame, or
    as far as is seen."""
    push = next((move for move in moves if move.name == "dolly_in"), None)
    if push is None or {move.family for move in moves} & {"tilt", "orbit"}:
        return moves
    edge = _FRAME * np.tan(np.radians(context.view_degrees) / 2) / context.aspect * max(1 - push.asked.value, 0.0)
    room = {"up": edge - context.ray()[1], "down": edge + context.ray()[1]}
    most = {way: max(far, _RISE * context.strength) for way, far in room.items()}
    return tuple(
        attrs.evolve(move, asked=Amount(min(move.asked.value, most[move.way]), "settled"))
        if move.family == "pedestal" and move.asked.unit == "settled"
        else move
        for move in moves
    )


def _hurry(phase: Phase, move: Move, seconds: float) -> float:
    """The factor that a phase's tempo is on a move: what is slow goes less far in its time, and what travels fast for
    long goes farther."""
    if phase.tempo == "fast" and move.family in TRAVELLING:
        return float(np.clip((seconds / USUAL_SECONDS) ** 0.4, 1.0, 1.6))
    return _SLOW if phase.tempo == "slow" else 1.0


def _to_the_lens(move: Move, focal: float) -> Move:
    """The zoom that goes from a lens of `focal` millimetres to the one that is asked."""
    ratio = move.asked.value / focal
    return attrs.evolve(move, way="in" if ratio > 1 else "out", asked=Amount(max(ratio, 1 / ratio), "ratio"))


def _signed(move: Move) -> float:
    """How far a settled move goes, its family's second way positive; of a zoom the logarithm."""
    amount = float(np.log(move.asked.value)) if move.family == "zoom" else move.asked.value
    return amount if move.way == FAMILIES[move.family][1] else -amount


def _way_back(move: Move, net: float) -> float | None:
    """The amount that brings the move to where its family began, from `net` away; None where it goes farther away."""
    onward = (net > 0) == (move.way == FAMILIES[move.family][1])
    if abs(net) < 1e-6 or onward:
        return None
    return float(np.exp(abs(net))) if move.family == "zoom" else abs(net)


def _way_next(phases: tuple[Phase, ...], family: str) -> str | None:
    """The way of the next move of a family in later phases; None where there is none, or it is open, too."""
    ways = (move.way for phase in phases for move in phase.moves if move.family == family)
    way = next(ways, EITHER)
    return None if way == EITHER else way


def _to_the_subject(
    move: Move, context: Context, past: bool, returns: bool, travelled: bool, turned: float = 0.0
) -> Move:
    """The pan or tilt that ends facing the subject where the move may mean that, and the truck of no said way to its
    side; else the move itself.

    past: the words go on beyond the subject, which then tells the way alone; returns: what goes back is said later;
    travelled: from elsewhere, from where a thing may lie higher or lower; turned: degrees by which the camera has
    turned before, right or down.
    """
    x, y, z = context.level_ray()
    if move.family == "truck" and move.way == EITHER and np.degrees(abs(np.arctan2(x, z))) > _AHEAD:
        return attrs.evolve(move, way=FAMILIES["truck"][int(x > 0)])
    if move.asked or move.family not in ("pan", "tilt"):
        return move
    turn = np.arctan2(x, z) if move.family == "pan" else -np.arctan2(y, np.hypot(x, z)) - context.level.pitch
    angle = float(np.degrees(turn)) + (-turned if move.family == "pan" else turned)
    way = FAMILIES[move.family][int((angle > 0) == (move.family == "pan"))]
    if move.way == EITHER:
        meant = abs(angle) > _AHEAD or not returns
    else:
        meant = move.way == way and abs(angle) > ASIDE and not (move.family == "tilt" and travelled)
    if not meant:
        return move
    return attrs.evolve(move, way=way, asked=None if past else Amount(abs(angle) * context.strength, "settled"))
