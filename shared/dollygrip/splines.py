"""Cubic splines over frames, vectorised over channels: the C2 interpolation behind resampling, Hermite pieces."""

import numpy as np


def cubic_spline(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Interpolate (N, C) samples at x = 0..N-1 with a C2 cubic spline, evaluated at `at` (M,) -> (M, C).

    End conditions: the third derivative does not change at the last inner knots (not-a-knot), which reproduces any
    cubic exactly; with fewer than four samples the polynomial through them. `at` must lie in [0, N-1].
    """
    values, at = np.asarray(values, float), np.asarray(at, float)
    n = len(values)
    if n == 1:
        return np.repeat(values, len(at), 0)
    if n <= 4:
        powers = np.vander(np.arange(n, dtype=float), n)
        return np.vander(at, n) @ np.linalg.solve(powers, values)
    curvature = _second_derivatives(values)
    left = np.clip(np.floor(at).astype(int), 0, n - 2)
    b = (at - left)[:, None]
    a = 1 - b
    return (
        a * values[left] + b * values[left + 1] + ((a**3 - a) * curvature[left] + (b**3 - b) * curvature[left + 1]) / 6
    )


def _second_derivatives(values: np.ndarray) -> np.ndarray:
    """Solve the tridiagonal system m[i-1] + 4 m[i] + m[i+1] = 6 (second difference) by the Thomas algorithm.

    Not-a-knot on unit spacing means m[0] = 2 m[1] - m[2]; put into the first row it leaves 6 m[1] = rhs[1].
    """
    n = len(values)
    rhs = 6 * (values[2:] - 2 * values[1:-1] + values[:-2])
    m = np.zeros_like(values)
    m[1], m[n - 2] = rhs[0] / 6, rhs[-1] / 6
    inner = rhs[1:-1].copy()
    if len(inner):
        inner[0] -= m[1]
        inner[-1] -= m[n - 2]
        off = np.ones(len(inner) - 1)
        m[2 : n - 2] = solve_tridiagonal(off, np.full(len(inner), 4.0), off, inner)
    m[0], m[n - 1] = 2 * m[1] - m[2], 2 * m[n - 2] - m[n - 3]
    return m


def c2_slopes(knots: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Slopes (K, C) per frame with which cubic pieces through samples (T, C) at the frames `knots` (K,) join in C2.

    The first and the last slope are the samples' own (clamped ends); K >= 2.
    """
    gaps, values = np.diff(knots).astype(float), samples[knots]
    slopes = np.zeros_like(values)
    slopes[0], slopes[-1] = _end_slope(samples), -_end_slope(samples[::-1])
    if len(knots) > 2:
        weight = 1 / gaps
        pull = np.diff(values, axis=0) * weight[:, None] ** 2
        rhs = 3 * (pull[:-1] + pull[1:])
        rhs[0] -= slopes[0] * weight[0]
        rhs[-1] -= slopes[-1] * weight[-1]
        slopes[1:-1] = solve_tridiagonal(weight[1:-1], 2 * (weight[:-1] + weight[1:]), weight[1:-1], rhs)
    return slopes


def _end_slope(samples: np.ndarray) -> np.ndarray:
    """(C,) slope at the first of (T, C) samples, by the cubic through four of them, or through as many as there are."""
    weights = {2: [-1, 1], 3: [-1.5, 2, -0.5]}.get(len(samples), [-11 / 6, 3, -1.5, 1 / 3])
    return np.array(weights) @ samples[: len(weights)]


def solve_tridiagonal(lower: np.ndarray, diagonal: np.ndarray, upper: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    """Solve A x = rhs (N, C) for a diagonally dominant tridiagonal A, by the Thomas algorithm over the first axis."""
    pivots, out = np.array(diagonal, float), np.array(rhs, float)
    for i in range(1, len(out)):
        factor = lower[i - 1] / pivots[i - 1]
        pivots[i] -= factor * upper[i - 1]
        out[i] -= factor * out[i - 1]
    out[-1] /= pivots[-1]
    for i in range(len(out) - 2, -1, -1):
        out[i] = (out[i] - upper[i] * out[i + 1]) / pivots[i]
    return out


def hermite(keys: np.ndarray, values: np.ndarray, slopes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Cubic Hermite spline, held before the first and after the last key: (N,) frames -> (N, C)."""
    at = np.clip(at, keys[0], keys[-1])
    segment = np.clip(np.searchsorted(keys, at, side="right") - 1, 0, len(keys) - 2)
    length = (keys[segment + 1] - keys[segment])[:, None]
    t = (at[:, None] - keys[segment][:, None]) / length
    blend = t * t * (3 - 2 * t)
    tangents = t * (1 - t) ** 2 * slopes[segment] - t * t * (1 - t) * slopes[segment + 1]
    return values[segment] * (1 - blend) + values[segment + 1] * blend + tangents * length


def parabola_slopes(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Slopes (N, C) of values at increasing times (N,): of the parabola through three neighbours, 0 at the ends."""
    step = np.diff(times)[:, None]
    rise = np.diff(values, axis=0) / step
    slopes = np.zeros_like(values)
    slopes[1:-1] = (rise[:-1] * step[1:] + rise[1:] * step[:-1]) / (step[1:] + step[:-1])
    return slopes
