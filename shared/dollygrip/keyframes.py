"""Where to put the keys of a curve through dense samples, and which slopes to give them.

The curve is a C1 cubic Hermite spline over frames whose keys lie on the samples. Its slopes are those of least squares
over the frames between (a tridiagonal system), but where the samples go one way between two keys, so does the curve.
The fewest keys are found by dynamic programming over all frames as candidates, each piece being fitted by itself
(Bellman 1961, "On the approximation of curves by line segments using dynamic programming"; here by cubics); the pieces
are then joined, keys added where that costs too much, and superfluous ones taken out.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Self

import attrs
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dollygrip.splines import solve_tridiagonal

Violation = Callable[[np.ndarray, np.ndarray], np.ndarray]

_PLANNED = 250  # frames of the longest camera planned by dynamic programming: time goes with the square
_LONGEST_SPAN = 200  # frames between two keys at first, which bounds the time; pruning lengthens spans
_HOPELESS = 4.0  # times the bound: when every piece of a length is worse, longer ones are not looked at
_SLACK = (1.0, 0.75, 0.5)  # shares of the bound that pieces may use by themselves, before they are joined
_RESTLESS = 0.05  # keys that one on the fastest frame costs more than one where the camera rests or turns around
_ROUGH = 0.02  # keys that a piece at its bound costs more than an exact one
_PRUNING_BUDGET = 40_000  # frames evaluated while taking keys out again: bounds the time for very long cameras
_KEY_COST = 5  # frames that take as long to evaluate as one key
_PRUNED = 60  # keys that are tried to be taken out again between given slopes
_SLOPE_TRUST = 0.1  # weight of the samples' own slope at a key beside least squares: fewer hitches in the speed
_REWEIGHTED, _NEARLY = 6, 2.0  # times at most, for violations up to this
_STILL = 0.05  # of the bound: a channel that moves less between two keys holds there
_SLOW = 0.1  # of its fastest: a channel as slow as that at a key gets level handles there if the bound allows it
_STEEPEST = 3.0  # times the secant: a cubic with slopes from 0 to this goes one way (Fritsch and Carlson 1980)


def key_frames(
    values: np.ndarray, violation: Violation, bounds: np.ndarray, fixed: Sequence[int] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Frames (K,) of few keys for samples (T, C), T >= 2, first and last included, and slopes (K, C) per frame.

    violation: fitted and true samples, (N, C) each -> (N,), their difference in units of the bound, which is kept at
    every frame. bounds (C,): how far each channel alone may be off. fixed: frames that are keys whatever they cost.
    """
    fit = _Fit(values, violation, bounds, fixed)
    starts = _plans(values, violation) if len(values) <= _PLANNED else [_even(len(values))]
    keys, slopes = min((fit.pruned(*fit.completed(start)) for start in starts), key=lambda found: len(found[0]))
    return keys, fit.at_rest(keys, slopes)


def fit_between(
    values: np.ndarray,
    slopes: tuple[np.ndarray | None, np.ndarray | None],
    violation: Violation,
    fixed: Sequence[int] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Cubic Hermite keys for a dense part (T, C), T >= 2, with given end slopes (C,) -> frames (K,), slopes (K, C).

    Keys lie on the samples; the first, the last and those at `fixed` are always there. An end slope of None is the
    samples' own. violation(fit, true) -> (T,): the fit is good where it is at most 1, which holds at every frame.
    """
    values = np.asarray(values, float)
    own = _own_slopes(values)
    ends = np.stack([own[i] if slope is None else slope for i, slope in zip((0, -1), slopes, strict=True)])
    needed = np.union1d([0, len(values) - 1], np.asarray(fixed, int)).astype(int)
    keys = needed
    found, error = _slopes_between(keys, values, own, ends, violation)
    while error.max() > 1:
        worst = [a + int(np.argmax(error[a : b + 1])) for a, b in pairwise(keys)]
        keys = np.union1d(keys, [frame for frame in worst if error[frame] > 1])
        found, error = _slopes_between(keys, values, own, ends, violation)
    optional = np.setdiff1d(keys, needed)
    for key in optional[:_PRUNED]:
        fewer = keys[keys != key]
        trial, error = _slopes_between(fewer, values, own, ends, violation)
        if error.max() <= 1:
            keys, found = fewer, trial
    return keys, found


def _slopes_between(
    keys: np.ndarray, values: np.ndarray, own: np.ndarray, ends: np.ndarray, violation: Violation
) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares slopes (K, C) between given end slopes (2, C), and the violation (T,) of every sample."""
    pieces = _Pieces.of(keys, values)
    slopes = np.concatenate([ends[:1], own[keys[1:-1]], ends[1:]])
    if len(keys) > 2:
        off, diagonal, rhs = pieces.normal_equations(np.ones(len(values)))
        prior = _SLOPE_TRUST * diagonal[1:-1] + 1e-6
        inner = rhs[1:-1] + prior[:, None] * slopes[1:-1]
        inner[0] -= off[0] * ends[0]
        inner[-1] -= off[-1] * ends[1]
        slopes[1:-1] = solve_tridiagonal(off[1:-1], diagonal[1:-1] + prior, off[1:-1], inner)
    return slopes, violation(pieces.curve(slopes), values)


def _own_slopes(values: np.ndarray) -> np.ndarray:
    """(T, C) samples a frame apart, T >= 2 -> (T, C) slopes, of second order also at the ends."""
    return np.gradient(values, axis=0, edge_order=min(2, len(values) - 1))


def _even(count: int) -> np.ndarray:
    """Keys at like distances, at most _LONGEST_SPAN."""
    return np.linspace(0, count - 1, 2 + (count - 2) // _LONGEST_SPAN).astype(int)


def _plans(values: np.ndarray, violation: Violation) -> list[np.ndarray]:
    """Key frames that need the fewest pieces, each within a share of the bound; one plan for each share of _SLACK.

    Among plans of as many keys, those with keys where the camera is slow, and with small errors, come first.
    """
    count = len(values)
    error = _piece_errors(values, violation)
    step = np.concatenate([[0.0], violation(values[1:], values[:-1]), [0.0]])
    speed = step[:-1] + step[1:]
    price = 1 + _RESTLESS * speed / max(speed.max(), 1e-12)
    plans = []
    for slack in _SLACK:
        cost, before = np.zeros(count), np.zeros(count, int)
        for last in range(1, count):
            pieces = error[:last, last]
            total = cost[:last] + np.where(pieces <= slack, _ROUGH * pieces**2, np.inf)
            before[last] = np.argmin(total)
            cost[last] = total[before[last]] + price[last]
        keys = [count - 1]
        while keys[-1]:
            keys.append(before[keys[-1]])
        plans.append(np.array(keys[::-1]))
    return plans


def _piece_errors(values: np.ndarray, violation: Violation) -> np.ndarray:
    """(T, T): the largest violation of the cubic between two frames with least-squares slopes, inf for long pieces."""
    count, channels = values.shape
    error = np.full((count, count), np.inf)
    for length in range(1, min(count - 1, _LONGEST_SPAN) + 1):
        windows = sliding_window_view(values, length + 1, 0).swapaxes(1, 2)
        blend, left, right = _basis(np.arange(length + 1) / length)
        slopes = np.stack([left, right], 1)
        rest = windows - windows[:, :1] * (1 - blend)[:, None] - windows[:, -1:] * blend[:, None]
        fitted = windows - rest + slopes @ (np.linalg.pinv(slopes) @ rest)
        worst = violation(fitted.reshape(-1, channels), windows.reshape(-1, channels)).reshape(len(windows), -1).max(1)
        error[np.arange(count - length), np.arange(length, count)] = worst
        if worst.min() > _HOPELESS:
            break
    return error


def _basis(t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of the end value, the start slope and the end slope (per unit interval) of a Hermite cubic at t (N,)."""
    return t * t * (3 - 2 * t), t * (1 - t) ** 2, -(t**2) * (1 - t)


class _Fit:
    """Curves through the samples at given keys."""

    def __init__(self, values: np.ndarray, violation: Violation, bounds: np.ndarray, fixed: Sequence[int]):
        self.values, self.violation, self.still = values, violation, _STILL * bounds
        self.fixed = np.asarray(fixed, int)
        self.own = _own_slopes(values)
        self.way = np.concatenate([0 * values[:1], np.cumsum(np.abs(np.diff(values, axis=0)), 0)])

    def completed(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keys are added on the worst frame of every piece out of bounds until there is none -> keys, slopes."""
        keys = np.union1d(keys, self.fixed)
        slopes, error = self.slopes(keys)
        while error.max() > 1:
            worst = np.maximum.reduceat(error, keys[:-1])
            late = zip(keys[:-1][worst > 1], keys[1:][worst > 1], strict=True)
            keys = np.union1d(keys, [a + int(np.argmax(error[a:b])) for a, b in late])
            slopes, error = self.slopes(keys)
        return keys, slopes

    def pruned(self, keys: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keys that the bound can do without are taken out, those with close neighbours first."""
        trials = min(_PRUNING_BUDGET // (len(self.values) + _KEY_COST * len(keys)), len(keys) - 2)
        close_first = keys[1:-1][np.argsort(keys[2:] - keys[:-2], kind="stable")]
        for key in close_first[~np.isin(close_first, self.fixed)][:trials]:
            fewer = keys[keys != key]
            fewer_slopes, error = self.slopes(fewer)
            if error.max() <= 1:
                keys, slopes = fewer, fewer_slopes
        return keys, slopes

    def at_rest(self, keys: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """The slopes, level where a channel is slow by itself and the bound allows it."""
        pieces = _Pieces.of(keys, self.values)
        slow = np.abs(self.own[keys]) <= _SLOW * np.abs(self.own).max(0)
        while True:
            level = np.where(slow, 0.0, slopes)
            error = self.violation(pieces.curve(level), self.values)
            if error.max() <= 1 or not slow.any():
                return level
            broken = np.maximum.reduceat(error, keys[:-1]) > 1
            slow[:-1][broken] = slow[1:][broken] = False

    def slopes(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Slopes (K, C) for keys that lie on the samples, and the violation (T,) of every sample.

        Least squares; where that is nearly within the bound, weights grow with the violation (Lawson 1961).
        """
        pieces, weight = _Pieces.of(keys, self.values), np.ones(len(self.values))
        slopes, error = self._weighted(pieces, weight)
        for _ in range(_REWEIGHTED if 1 < error.max() < _NEARLY else 0):
            weight *= error
            weight /= weight.mean()
            slopes, error = self._weighted(pieces, weight + 0.01)
            if error.max() <= 1:
                break
        return slopes, error

    def _weighted(self, pieces: "_Pieces", weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # The samples' own slope counts too, by _SLOPE_TRUST of the samples around: a smooth speed is worth a key.
        off, diagonal, rhs = pieces.normal_equations(weight)
        prior = _SLOPE_TRUST * diagonal + 1e-6
        slopes = solve_tridiagonal(off, diagonal + prior, off, rhs + self.own[pieces.keys] * prior[:, None])
        slopes = self._one_way(pieces.keys, slopes)
        return slopes, self.violation(pieces.curve(slopes), self.values)

    def _one_way(self, keys: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Slopes with which a channel neither overshoots where its samples go one way, nor leaves its holds."""
        rise, way = np.diff(self.values[keys], axis=0), np.diff(self.way[keys], axis=0)
        steep = _STEEPEST * rise / np.diff(keys)[:, None]
        steep[way <= self.still] = 0
        free = way > np.abs(rise) + self.still
        low = np.where(free, -np.inf, np.minimum(steep, 0))
        high = np.where(free, np.inf, np.maximum(steep, 0))
        slopes = slopes.copy()
        for here in (slice(None, -1), slice(1, None)):
            slopes[here] = np.clip(slopes[here], low, high)
        return slopes


@attrs.frozen(eq=False)
class _Pieces:
    """The cubics between keys (K,), sample by sample: what their slopes add to, and how much of which slope.

    segment (T,): the piece of every sample; left, right (T,): weights of the slopes at its ends; rest (T, C): samples
    less the curve with level slopes, level (T, C).
    """

    keys: np.ndarray
    segment: np.ndarray
    left: np.ndarray
    right: np.ndarray
    level: np.ndarray
    rest: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray, values: np.ndarray) -> Self:
        frames = np.arange(len(values))
        segment = np.clip(np.searchsorted(keys, frames, side="right") - 1, 0, len(keys) - 2)
        length = np.diff(keys)[segment]
        blend, left, right = _basis((frames - keys[segment]) / length)
        blend, at_keys = blend[:, None], values[keys]
        level = at_keys[segment] * (1 - blend) + at_keys[segment + 1] * blend
        return cls(keys, segment, left * length, right * length, level, values - level)

    def curve(self, slopes: np.ndarray) -> np.ndarray:
        """(K, C) slopes -> (T, C)."""
        return self.level + self.left[:, None] * slopes[self.segment] + self.right[:, None] * slopes[self.segment + 1]

    def normal_equations(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Off-diagonal (K - 1,), diagonal (K,) and right-hand side (K, C) of the weighted least squares of slopes."""

        def per_piece(a: np.ndarray) -> np.ndarray:
            return np.add.reduceat(a, self.keys[:-1], axis=0)

        left, right = weight * self.left, weight * self.right
        diagonal, rhs = np.zeros(len(self.keys)), np.zeros((len(self.keys), self.rest.shape[1]))
        diagonal[:-1] += per_piece(left * self.left)
        diagonal[1:] += per_piece(right * self.right)
        rhs[:-1] += per_piece(left[:, None] * self.rest)
        rhs[1:] += per_piece(right[:, None] * self.rest)
        return per_piece(left * self.right), diagonal, rhs
