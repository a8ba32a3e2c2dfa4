"""A plan as numbers: what the shot reader is trained to answer, and how its answer becomes a plan again.

A program has MAX_PHASES phases. Each says whether it exists, its tempo, and for every family of moves which way it goes
(0 not at all, 1 and 2 the two ways), and which of the prompt's quantities it is asked (a pointer to a token, 0 for
none), words for its size among them. The shot says which tokens name the thing that it is about.
"""

import attrs
import numpy as np
import torch
from torch import Tensor

from dollygrip_backend.predictor.plan import (
    EITHER,
    FAMILIES,
    HANDHELD,
    MAX_PHASES,
    PAUSE_SHARE,
    TEMPOS,
    Move,
    Phase,
    Plan,
)
from dollygrip_backend.predictor.quantities import Quantity

NAMES = tuple(FAMILIES)
UNDECIDED = 3  # a way of the target only: both ways are right
IGNORE = -100
_SURE = 0.65  # of two ways, one less likely than this leaves the choice open …
_SURE_OF_A_PAN = 0.8  # … of a pan's, too, for the picture may tell where the thing is that it turns to


@attrs.frozen
class Program:
    """Targets of B prompts: exists (B, P), tempo (B, P), ways (B, P, F) of 0..3, pointers (B, P, F) of IGNORE or 0..L,
    handheld (B,), subject (B, 2) the first of the tokens that name the thing,
    counted from 1, and the one after the last; (0, 1) for no thing, IGNORE where that is not known. Integers."""

    exists: Tensor
    tempo: Tensor
    ways: Tensor
    pointers: Tensor
    handheld: Tensor
    subject: Tensor

    def to(self, device: torch.device | str) -> "Program":
        """The same on `device`."""
        return Program(**{field.name: getattr(self, field.name).to(device) for field in attrs.fields(Program)})

    def naming(self, length: int) -> Tensor:
        """(B, 1 + length) which tokens name the thing, the first for no thing."""
        places = torch.arange(1 + length, device=self.subject.device)
        return (places >= self.subject[:, :1]) & (places < self.subject[:, 1:])


@attrs.frozen
class Reading:
    """Logits of B prompts, shaped as in `Program`: exists (B, P), tempo (B, P, 5), ways (B, P, F, 3), pointers
    (B, P, F, L + 1), handheld (B, 3); subject (B, L + 1) over the tokens, first of no thing."""

    exists: Tensor
    tempo: Tensor
    ways: Tensor
    pointers: Tensor
    handheld: Tensor
    subject: Tensor


def program_of(
    plan: Plan, tokens: dict[int, Quantity], subject: tuple[int, int] = (IGNORE, IGNORE)
) -> dict[str, np.ndarray]:
    """The target of one plan, shapes as in `Program` without B. tokens: the quantity that begins at each token.

    An asked amount that is not among the quantities (a slip of the pen) has an ignored pointer.
    """
    shape = (MAX_PHASES, len(NAMES))
    out = {
        "exists": np.zeros(MAX_PHASES, np.int64),
        "tempo": np.full(MAX_PHASES, IGNORE, np.int64),
        "ways": np.zeros(shape, np.int64),
        "pointers": np.full(shape, IGNORE, np.int64),
        "handheld": np.int64(np.argmin(np.abs(np.array(HANDHELD) - plan.handheld))),
        "subject": np.array(subject, np.int64),
    }
    left = dict(tokens)
    still = all(not phase.moves for phase in plan.phases)
    for p, phase in enumerate([] if still else plan.phases[:MAX_PHASES]):
        out["exists"][p] = 1
        out["tempo"][p] = TEMPOS.index(phase.tempo)
        for move in phase.moves:
            f = NAMES.index(move.family)
            out["ways"][p, f] = UNDECIDED if move.way == EITHER else 1 + FAMILIES[move.family].index(move.way)
            out["pointers"][p, f] = 0
            if move.asked or move.size != 1:
                token = next((t for t, q in left.items() if _says(q, move)), None)
                out["pointers"][p, f] = IGNORE if token is None else token + 1
                left.pop(token, None)
    return out


def _says(quantity: Quantity, move: Move) -> bool:
    """Whether it is the amount of the move; words for a size are no more exact than that it is small or large."""
    if not move.asked:
        return quantity.unit == "size" and (quantity.value < 1) == (move.size < 1)
    said = quantity.amount(move.family, move.way)
    return said is not None and said.unit == move.asked.unit and abs(said.value / move.asked.value - 1) < 0.02


def plan_of(reading: Reading, row: int, tokens: dict[int, Quantity]) -> Plan:
    """The plan that prompt `row` most likely means; a way is EITHER where both are likely."""
    phases, left = [], dict(tokens)
    ways = reading.ways[row].softmax(-1).cpu().numpy()
    pointers = reading.pointers[row].argmax(-1).cpu().numpy()
    tempos = reading.tempo[row].argmax(-1).cpu().numpy()
    for p in range(MAX_PHASES):
        if reading.exists[row, p] < 0:
            break
        moves = []
        for f, family in enumerate(NAMES):
            none, *likely = ways[p, f]
            if none > 0.5:
                continue
            share, sure = likely[1] / sum(likely), _SURE_OF_A_PAN if family == "pan" else _SURE
            way = FAMILIES[family][int(share > 0.5)] if max(share, 1 - share) > sure else EITHER
            token = int(pointers[p, f]) - 1
            quantity = tokens.get(token)
            left.pop(token, None)
            if family == "zoom" and quantity and quantity.unit == "ratio":  # whether it grows: arithmetic knows
                way = "out" if quantity.value < 1 else "in" if way == EITHER else way
            asked = quantity.amount(family, way) if quantity else None
            sized = quantity is not None and quantity.unit == "size"
            moves.append(Move(family, way, asked, quantity.value if sized else 1.0))
        if any(move.family == "dolly_zoom" for move in moves):  # its dolly and its zoom are no moves of their own
            moves = [move for move in moves if move.family not in ("dolly", "zoom") or move.asked]
        tempo = TEMPOS[tempos[p]]
        if not moves and phases and "plain" not in (tempo, phases[-1].tempo) and tempo != phases[-1].tempo:
            continue  # "push in slowly, then fast": another speed is no rest
        phases.append(Phase(tuple(moves), 1.0 if moves else PAUSE_SHARE, tempo))
    handheld = HANDHELD[int(reading.handheld[row].argmax())]
    if not any(phase.moves for phase in phases):
        phases = [Phase(())]
    return _with_unclaimed(Plan(tuple(phases), handheld), [q for q in left.values() if q.unit in ("ratio", "share")])


def _with_unclaimed(plan: Plan, left: list[Quantity]) -> Plan:
    """With the only quantity `left` that no move was given, where only one move without an amount can mean it."""
    if len(left) != 1:
        return plan
    able = {
        (p, m): amount
        for p, phase in enumerate(plan.phases)
        for m, move in enumerate(phase.moves)
        if not move.asked and (amount := left[0].amount(move.family, move.way)) and amount.unit != "degrees"
    }
    if len(able) != 1:
        return plan
    [((p, m), amount)] = able.items()
    phases = list(plan.phases)
    moves = list(phases[p].moves)
    moves[m] = attrs.evolve(moves[m], asked=amount, size=1.0)
    phases[p] = attrs.evolve(phases[p], moves=tuple(moves))
    return attrs.evolve(plan, phases=tuple(phases))


def stack(programs: list[dict[str, np.ndarray]]) -> Program:
    """Single targets -> one batch."""
    return Program(**{key: torch.from_numpy(np.stack([p[key] for p in programs])) for key in programs[0]})
