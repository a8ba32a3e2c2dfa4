"""A shot plan: which moves, in which order, how much. The explicit meaning of a prompt, between words and motion.

A plan has a notation of one line, used by the corpus of hand-written prompts and shown to users:

    plan  := "static" | phase (" > " phase)*          phases follow one another
    phase := "pause" | move (" + " move)* [" @" tempo]   moves happen at once
    move  := "handheld" | family "_" way [":" amount]     orbits may leave the way out

    dolly_in:small @slow > pan_left:30deg + zoom_in:2x
"""

import re

import attrs
import numpy as np

from dollygrip.errors import InputError

FAMILIES = {
    "pan": ("left", "right"),
    "tilt": ("up", "down"),
    "roll": ("clockwise", "counterclockwise"),
    "orbit": ("left", "right"),
    "dolly": ("in", "out"),
    "truck": ("left", "right"),
    "pedestal": ("up", "down"),
    "zoom": ("in", "out"),
    "dolly_zoom": ("in", "out"),
}
TRAVELLING = ("orbit", "dolly", "truck", "pedestal", "dolly_zoom")
TEMPOS = ("plain", "slow", "fast", "whip", "constant")
EASINGS = ("accelerating", "slowing")  # tempos that no reading gives: words say them outright (timing.py)
MAX_PHASES = 4
PAUSE_SHARE = 0.4
HANDHELD = (0.0, 1.0, 2.0)  # factors on the sway of a hand-held camera: on a tripod, hand-held, shaky
EITHER = "either"

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
_LIMITS = {"tilt": 85.0, "dolly_in": 0.8, "dolly_zoom": 0.65, "zoom": 6.0}
_AHEAD = 4.0  # degrees: what lies less to the side needs no turn to be seen
ASIDE = 8.0  # degrees: a pan or tilt the way of what lies less to the side is hardly meant to end there
_SIZES = {"small": 0.4, "large": 1.6}
_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "km": 1000.0, "ft": 0.3048, "in": 0.0254, "yd": 0.9144}


@attrs.frozen
class Context:
    """What a shot is given beside words.

    view_degrees: horizontal field of view of the reference; duration: seconds; strength: factor on amounts not given
    in numbers; scene_depth: distance of the subject in metres, turns metres into subject distances; subject: its (x, y)
    in the image from 0 to 1, or None for the centre; aspect: width over height; reach: factor on amounts that no number
    says, below 1 where the picture does not carry so far; room: another on how far the camera travels, below 1 where
    there is little room; cropped: share of the image's width that a frame of the shot shows.
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

    def ray(self) -> np.ndarray:
        """(3,) camera-frame direction of the subject with z = 1."""
        u, v = self.subject or (0.5, 0.5)
        half = np.tan(np.radians(self.view_degrees) / 2)
        return np.array([(2 * u - 1) * half, (2 * v - 1) * half / self.aspect, 1.0])


@attrs.frozen
class Amount:
    """How much, as asked: degrees, metres, a share of the subject's distance ("share"), or a focal ratio ("ratio");
    of a time, seconds or frames. In a settled plan what each take draws is "settled", what a number asked "met"."""

    value: float
    unit: str


@attrs.frozen
class Move:
    """One move: a family of FAMILIES and its way; `size` scales the default where no amount is asked."""

    family: str
    way: str
    asked: Amount | None = None
    size: float = 1.0

    @property
    def name(self) -> str:
        """For example "pan_left"."""
        return f"{self.family}_{self.way}"


@attrs.frozen
class Phase:
    """Moves that happen at once; no moves is a pause. `share` is this phase's part of the time before normalising;
    lasts: how long it takes, where that is said."""

    moves: tuple[Move, ...]
    share: float = 1.0
    tempo: str = "plain"
    lasts: Amount | None = None


@attrs.frozen
class Plan:
    """Phases one after the other. handheld: factor on an operator's sway; toward: the move aims at the subject; past:
    what turns to it goes on beyond it; returns: what goes back undoes what went before; kept: the subject
    is kept in frame."""

    phases: tuple[Phase, ...]
    handheld: float = 0.0
    toward: bool = False
    past: bool = False
    returns: bool = False
    kept: bool = False

    @property
    def ends(self) -> list[float]:
        """Shares of the time, 0 to 1, at which the phases end."""
        shares = np.cumsum([phase.share for phase in self.phases])
        return [round(float(share), 4) for share in shares / shares[-1]]

    @property
    def asks_for_a_share(self) -> bool:
        """Whether a move goes a part of the subject's distance that is said."""
        return any(move.asked and move.asked.unit == "share" for phase in self.phases for move in phase.moves)

    def sided(self, side: str | None) -> "Plan":
        """With the first pan to that side, where none says its own."""
        pans = [move for phase in self.phases for move in phase.moves if move.family == "pan"]
        if not side or not pans or any(move.way != EITHER for move in pans):
            return self
        sided = (
            tuple(attrs.evolve(move, way=side) if move is pans[0] else move for move in phase.moves)
            for phase in self.phases
        )
        phases = tuple(attrs.evolve(phase, moves=moves) for phase, moves in zip(self.phases, sided, strict=True))
        return attrs.evolve(self, phases=phases)

    def going_as(self, settled: "Plan") -> "Plan":
        """With the ways that its settled form chose."""
        phases = [
            attrs.evolve(
                phase, moves=tuple(attrs.evolve(m, way=s.way) for m, s in zip(phase.moves, chosen.moves, strict=True))
            )
            for phase, chosen in zip(self.phases, settled.phases, strict=True)
        ]
        return attrs.evolve(self, phases=tuple(phases))

    def __str__(self) -> str:
        return " > ".join(_phase_text(phase, self.handheld) for phase in self.phases)


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
            if plan.toward and not before:
                move = _to_the_subject(move, context, plan.past, after is not None, travelled)
            if move.way == EITHER:
                ways = [way for way in FAMILIES[move.family] if way != (before or after)]
                move = attrs.evolve(move, way=ways[0 if rng is None else int(rng.integers(len(ways)))])
            move = attrs.evolve(move, size=move.size * _hurry(phase, move, context.duration * phase.share / whole))
            if move.asked is None or move.asked.unit not in ("settled", "met"):
                drawn = draw_amount(move, attrs.evolve(context, reach=1.0) if phase.tempo == "whip" else context, rng)
                back = _way_back(move, net.get(move.family, 0.0)) if plan.returns and move.asked is None else None
                move = attrs.evolve(move, asked=Amount(back or drawn, "met" if move.asked else "settled"))
            gone[move.family] = move.way
            net[move.family] = net.get(move.family, 0.0) + _signed(move)
            moves.append(move)
        phases.append(attrs.evolve(phase, moves=tuple(moves)))
    return attrs.evolve(plan, phases=tuple(phases))


def _hurry(phase: Phase, move: Move, seconds: float) -> float:
    """The factor that a phase's tempo is on a move: what is slow goes less far in its time, and what travels fast for
    long goes farther."""
    if phase.tempo == "fast" and move.family in TRAVELLING:
        return float(np.clip((seconds / USUAL_SECONDS) ** 0.4, 1.0, 1.6))
    return _SLOW if phase.tempo == "slow" else 1.0


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


def _to_the_subject(move: Move, context: Context, past: bool, returns: bool, travelled: bool) -> Move:
    """The pan or tilt that ends facing the subject where the move may mean that, else the move itself.

    past: the words go on beyond the subject, which then tells the way alone; returns: what goes back is said later;
    travelled: from elsewhere, from where a thing may lie higher or lower.
    """
    if move.asked or move.family not in ("pan", "tilt"):
        return move
    x, y, _ = context.ray()
    angle = float(np.degrees(np.arctan2(x, 1) if move.family == "pan" else -np.arctan2(y, np.hypot(x, 1))))
    way = FAMILIES[move.family][int((angle > 0) == (move.family == "pan"))]
    if move.way == EITHER:
        meant = abs(angle) > _AHEAD or not returns
    else:
        meant = move.way == way and abs(angle) > ASIDE and not (move.family == "tilt" and travelled)
    if not meant:
        return move
    return attrs.evolve(move, way=way, asked=None if past else Amount(abs(angle) * context.strength, "settled"))


def read_plan(text: str) -> Plan:
    """Parse the notation of the module's docstring; raises InputError with the part that is wrong."""
    if text.strip() == "static":
        return Plan((Phase(()),))
    phases, handheld = [], 0.0
    for part in text.split(">"):
        body, _, tempo = part.strip().partition("@")
        tempo = tempo.strip() or "plain"
        if tempo not in TEMPOS:
            raise InputError(f"The plan {text!r} has an unknown tempo {tempo!r}.", f"Use one of {', '.join(TEMPOS)}.")
        names = [] if body.strip() == "pause" else [name.strip() for name in body.split("+")]
        if "handheld" in names:
            handheld = HANDHELD[1]
            names.remove("handheld")
        moves = tuple(_read_move(name, text) for name in names if name != "static")
        phases.append(Phase(moves, 1.0 if moves else PAUSE_SHARE, tempo))
    return Plan(tuple(phases), handheld)


def _read_move(name: str, text: str) -> Move:
    name, _, amount = name.partition(":")
    family, _, way = name.rpartition("_")
    if name == "orbit":
        family, way = "orbit", EITHER
    if family not in FAMILIES or way not in (*FAMILIES[family], EITHER):
        raise InputError(f"The plan {text!r} has an unknown move {name!r}.", f"Families are {', '.join(FAMILIES)}.")
    if amount in _SIZES:
        return Move(family, way, size=_SIZES[amount])
    return Move(family, way, _read_amount(amount, family, text) if amount else None)


def _read_amount(text: str, family: str, plan: str) -> Amount:
    if text == "half":
        return Amount(0.5, "share")
    match = re.fullmatch(r"([\d.]+)(deg|x|%|km|cm|mm|m|ft|in|yd)", text)
    if not match:
        raise InputError(f"The plan {plan!r} has an unknown amount {text!r}.", "Write 30deg, 2m, 2x, 50%, small.")
    value, unit = float(match[1]), match[2]
    if unit == "x" and value <= 1:
        raise InputError(f"The plan {plan!r} has the ratio {text!r}.", "Ratios are above 1; the move tells which way.")
    if unit == "deg":
        return Amount(value, "degrees")
    if unit == "x":
        return Amount(value, "ratio")
    if unit == "%":
        return Amount(1 + value / 100, "ratio") if family == "zoom" else Amount(value / 100, "share")
    return Amount(value * _METRES[unit], "metres")


_UNIT_TEXT = {"degrees": "°", "metres": " m", "ratio": "x", "share": " of the distance", "settled": "", "met": "",
              "seconds": " s", "frames": " frames"}  # fmt: skip


def _amount_text(move: Move) -> str:
    if move.asked:
        return f" {move.asked.value:.3g}{_UNIT_TEXT[move.asked.unit]}"
    return ":small" if move.size < 0.8 else ":large" if move.size > 1.25 else ""


def _phase_text(phase: Phase, handheld: float) -> str:
    words = [move.name + _amount_text(move) for move in phase.moves]
    words += ["handheld"] if handheld else []
    still = "pause" if phase.share < 1 else "static"
    lasts = f" for {phase.lasts.value:.3g}{_UNIT_TEXT[phase.lasts.unit]}" if phase.lasts else ""
    return " + ".join(words or [still]) + lasts + (f" @{phase.tempo}" if phase.tempo != "plain" else "")
