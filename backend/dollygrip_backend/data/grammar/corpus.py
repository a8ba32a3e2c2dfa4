"""Prompts written by hand, with their plans, and the ways to vary them without changing what they mean.

Each line of `corpus/*.txt` is "PLAN | PROMPT" (the notations of `predictor.plan` and, for marks, of `pair`). Every
tenth line of a file is held out from training and measures it.
"""

import re
from functools import lru_cache
from pathlib import Path

import attrs
import numpy as np

from dollygrip_backend.data.grammar.clauses import thing
from dollygrip_backend.data.grammar.pair import Pair, bare, marked, subject_in
from dollygrip_backend.predictor.plan import Amount, Move, Plan, read_plan
from dollygrip_backend.predictor.quantities import read_quantities

_FOLDER = Path(__file__).parent / "corpus"
_MIRRORED = {
    "left": "right", "leftward": "rightward", "leftwards": "rightwards", "clockwise": "counterclockwise",
    "clock-wise": "counter-clockwise", "cw": "ccw", "port": "starboard", "lefthand": "righthand", "l": "r",
    "anticlockwise": "clockwise", "anti-clockwise": "clockwise", "counter-clockwise": "clockwise",
    "counterclockwise": "clockwise", "lefty": "righty", "leftmost": "rightmost",
}  # fmt: skip
_MIRRORED |= {b: a for a, b in _MIRRORED.items() if b not in _MIRRORED}
_SIDES = re.compile(rf"(?<![\w'-])(?:{'|'.join(sorted(_MIRRORED, key=len, reverse=True))})(?![\w'])", re.IGNORECASE)
# "Right" and "left" that are no sides, and clocks that do not turn when mirrored.
_UNSIDED = re.compile(
    r"\b(?:all|that'?s|is|are|was|has|have|had|just) (?:right|left)\b|\bright (?:now|up|down|at|in|into|on|onto|behind|"
    r"before|there|after|here|over|above|below|beside|next|away|past|through|where|out|angles?|to the (?:end|top))\b"
    r"|\bleft (?:behind|over|alone|the|his|her|its|their|a)\b|\bright\?|o'clock|\bclock\b(?!-wise)|\bport\b"
    r"|\b(?:east|west)|\bwrong\b",
    re.IGNORECASE,
)  # fmt: skip
_OPPOSITE = {"left": "right", "right": "left", "clockwise": "counterclockwise", "counterclockwise": "clockwise"}
_RANGES = {"degrees": (5, 180), "metres": (1, 9), "ratio": (1.2, 5)}


@lru_cache
def corpus(held_out: bool = False) -> tuple[Pair, ...]:
    """The lines for training, or those held out."""
    pairs, measured = [], set() if held_out else {bare(pair.prompt).lower() for pair in corpus(held_out=True)}
    for file in sorted(_FOLDER.glob("*.txt")):
        lines = [line for line in file.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]
        for number, line in enumerate(lines):
            plan, prompt = line.split(" | ", 1)
            if (number % 10 == 0) == held_out and bare(prompt).strip().lower() not in measured:
                pairs.append(Pair(prompt.strip(), read_plan(plan)))
    return tuple(pairs)


def vary(pair: Pair, rng: np.random.Generator) -> Pair:
    """The pair with another subject, seen in a mirror, with other numbers, or as it is."""
    prompt, plan = pair.prompt, pair.plan
    if rng.random() < 0.5:
        prompt = re.sub(r"\{[^{}]*\}", lambda _: f"{{{thing(rng)}}}", prompt)
    turned = _SIDES.sub(_other_side, prompt)
    if rng.random() < 0.5 and turned != prompt and not _UNSIDED.search(bare(prompt)):
        prompt, plan = turned, mirrored(plan)
    return _renumbered(Pair(prompt, plan), rng) if rng.random() < 0.6 else Pair(prompt, plan)


def _other_side(match: re.Match) -> str:
    word = match[0]
    other = _MIRRORED[word.lower()]
    return other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other


def mirrored(plan: Plan) -> Plan:
    """Left for right; an orbit's and a roll's sense with it."""

    def turn(move: Move) -> Move:
        return attrs.evolve(move, way=_OPPOSITE.get(move.way, move.way))

    phases = tuple(attrs.evolve(phase, moves=tuple(map(turn, phase.moves))) for phase in plan.phases)
    return attrs.evolve(plan, phases=phases)


def _renumbered(pair: Pair, rng: np.random.Generator) -> Pair:
    """Another number where the plan asks for exactly one and the prompt says it in figures; else the pair itself."""
    asked = [move for phase in pair.plan.phases for move in phase.moves if move.asked]
    if len(asked) != 1 or asked[0].asked.unit not in _RANGES:
        return pair
    move, words = asked[0], bare(pair.prompt)
    said = [q for q in read_quantities(words) if q.amount(move.family, move.way) == move.asked]
    digits = re.match(r"\d+(?:\.\d+)?(?![\d/])", words[said[0].start :]) if len(said) == 1 else None
    if not digits or re.search(r"\d", words[said[0].start + digits.end() : said[0].end]):
        return pair  # "from 24 to 70 mm" is one quantity of two numbers
    low, high = _RANGES[move.asked.unit]
    value = float(np.exp(rng.uniform(np.log(low), np.log(80 if move.family == "tilt" else high))))
    text = f"{value:.1f}".rstrip("0").rstrip(".") if move.asked.unit == "ratio" else f"{value:.0f}"
    start = said[0].start
    words = words[:start] + text + words[start + digits.end() :]
    again = next((q for q in read_quantities(words) if q.start == start), None)
    amount = again.amount(move.family, move.way) if again else None
    if amount is None or amount.unit != move.asked.unit:
        return pair

    def renumber(other: Move) -> Move:
        return attrs.evolve(other, asked=Amount(amount.value, amount.unit)) if other.asked else other

    phases = tuple(attrs.evolve(phase, moves=tuple(map(renumber, phase.moves))) for phase in pair.plan.phases)
    subject = subject_in(pair.prompt)
    if subject:
        subject = tuple(place + (len(text) - digits.end()) * (place > start) for place in subject)
    return Pair(marked(words, subject), attrs.evolve(pair.plan, phases=phases))


@lru_cache
def naming() -> tuple[Pair, ...]:
    """The lines for training that name a thing for which any other could stand."""
    return tuple(pair for pair in corpus() if "{" in pair.prompt)
