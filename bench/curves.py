"""How long a dense trajectory takes to become Bézier keys, and how many keys it takes.

python bench/curves.py
"""

import statistics
import time

import numpy as np

from dollygrip.curves import fit_channels
from dollygrip.rotations import euler_xyz_from_matrix, matrix_from_rotvec
from dollygrip.splines import cubic_spline


def camera(frames: int, knots: int) -> tuple[np.ndarray, np.ndarray]:
    """A smooth camera through random poses: locations (T, 3), rotations (T, 3, 3)."""
    rng, at = np.random.default_rng(0), np.linspace(0, knots - 1, frames)
    turns = cubic_spline(rng.normal(scale=0.3, size=(knots, 3)), at)
    return cubic_spline(rng.normal(size=(knots, 3)), at), matrix_from_rotvec(turns)


def main() -> None:
    print("frames   random poses   keys   median ms of 9")
    for frames, knots in ((81, 4), (1_000, 10), (10_000, 40), (10_000, 120)):
        location, rotations = camera(frames, knots)
        seconds = []
        for _ in range(9):
            start = time.perf_counter()
            euler = euler_xyz_from_matrix(rotations)
            fitted = fit_channels(location, euler, np.full(frames, 35.0), np.zeros((frames, 2)), 1, 0.002)
            seconds.append(time.perf_counter() - start)
        keys = len(fitted["location", 0].frames)
        print(f"{frames:6}   {knots:12}   {keys:4}   {statistics.median(seconds) * 1000:14.1f}")


if __name__ == "__main__":
    main()
