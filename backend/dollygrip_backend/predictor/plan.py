"""A shot plan: which moves, in which order, how much. The explicit meaning of a prompt, between words and motion.

A plan has a notation of one line, used by the corpus of hand-written prompts:

    plan  := "static" | phase (" > " phase)*          phases follow one another
    phase := "pause" | move (" + " move)* [" @" tempo]   moves happen at once
    move  := "handheld" | family "_" way [":" amount]     orbits may leave the way out

    dolly_in:small @slow > pan_left:30deg + zoom_in:2x

What a take tells of its plan is a form of it for people: "dolly_in 0.5 of the distance > pan_left 30° + zoom_in 2x".
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
EASINGS = ("accelerating", "slowing")  # tempos that no reading gives: words say them outright (tempos.py)
MAX_PHASES = 4
PAUSE_SHARE = 0.4
HANDHELD = (0.0, 1.0, 2.0)  # factors on the sway of a hand-held camera: on a tripod, hand-held, shaky
EITHER = "either"

_SIZES = {"small": 0.4, "large": 1.6}
_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "km": 1000.0, "ft": 0.3048, "in": 0.0254, "yd": 0.9144}


@attrs.frozen
class Amount:
    """How much, as asked: degrees, metres, a share of the subject's distance ("share"), a focal ratio ("ratio") or the
    focal length that a lens goes to ("millimetres"); of a time, seconds or frames. In a settled plan, "settled" is what
    a take drew, "met" what a number asked."""

    value: float
    unit: str


@attrs.frozen
class Move:
    """One move: a family of FAMILIES and its way; `size` scales the default where no amount is asked; to: where in the
    reference, (x, y), it ends, if that is another thing than the shot's first."""

    family: str
    way: str
    asked: Amount | None = None
    size: float = 1.0
    to: tuple[float, float] | None = None

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
    """Phases one after the other. handheld: factor on an operator's sway, from the start or, where it `sways_last`, in
    the last phase alone; toward: the move aims at the subject; past:
    what turns to it goes on beyond it; returns: what goes back undoes what went before; kept: the subject
    is kept in frame; gaze: where the camera looks on a drawn path, as in gaze.py."""

    phases: tuple[Phase, ...]
    handheld: float = 0.0
    toward: bool = False
    past: bool = False
    returns: bool = False
    kept: bool = False
    gaze: str = ""
    sways_last: bool = False

    @property
    def ends(self) -> list[float]:
        """Shares of the time, 0 to 1, at which the phases end."""
        shares = np.cumsum([phase.share for phase in self.phases])
        return [round(float(share), 4) for share in shares / shares[-1]]

    @property
    def sways_from(self) -> float:
        """Share of the time, 0 to 1, at which the sway sets in."""
        return self.ends[-2] if self.sways_last and len(self.phases) > 1 else 0.0

    @property
    def asks_for_a_share(self) -> bool:
        """Whether a move goes a part of the subject's distance that is said."""
        return any(move.asked and move.asked.unit == "share" for phase in self.phases for move in phase.moves)

    @property
    def goes_by_its_subject(self) -> bool:
        """Whether a move goes to what the words name, about it, or keeps its size."""
        families = {move.family for phase in self.phases for move in phase.moves}
        return bool(families & {"dolly", "zoom", "orbit", "dolly_zoom"})

    @property
    def turns(self) -> tuple[str, ...]:
        """The ways, of "left", "right", "up" and "down", in which the first moves turn, where they are said: what
        the camera turns to lies there in the picture."""
        first = next((phase.moves for phase in self.phases if phase.moves), ())
        return tuple(move.way for move in first if move.family in ("pan", "tilt") and move.way != EITHER)

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
        swaying = [bool(self.handheld) and not self.sways_last] * (len(self.phases) - 1) + [bool(self.handheld)]
        return " > ".join(map(_phase_text, self.phases, swaying))


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


_UNIT_TEXT = {
    "degrees": "°", "metres": " m", "millimetres": " mm", "ratio": "x", "share": " of the distance",
    "settled": "", "met": "", "seconds": " s", "frames": " frames",
}  # fmt: skip


def _amount_text(move: Move) -> str:
    if move.asked:
        return f" {move.asked.value:.3g}{_UNIT_TEXT[move.asked.unit]}"
    return ":small" if move.size < 0.8 else ":large" if move.size > 1.25 else ""


def _phase_text(phase: Phase, handheld: bool) -> str:
    words = [move.name + _amount_text(move) for move in phase.moves]
    words += ["handheld"] if handheld else []
    still = "pause" if phase.share < 1 else "static"
    lasts = f" for {phase.lasts.value:.3g}{_UNIT_TEXT[phase.lasts.unit]}" if phase.lasts else ""
    return " + ".join(words or [still]) + lasts + (f" @{phase.tempo}" if phase.tempo != "plain" else "")
