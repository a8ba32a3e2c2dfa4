"""Smooths a depth map within what the picture shows as one surface, and nowhere across its outlines."""

import torch
from torch import Tensor

_STRENGTH = 5.0  # weight of a step between two alike neighbours against that of the map itself
_ALIKE = 0.12  # colours in 0..1 that differ by less may belong to one surface
_JOINED = 0.2  # and so may log depths
_ITERATIONS = 40
_ENOUGH = 1e-3  # of the first residual


def smoothed(log_depth: Tensor, ground: Tensor, picture: Tensor) -> Tensor:
    """Log depth (h, w), where it counts (h, w) and its picture (3, h, w) in 0..1 -> log depth (h, w): the weighted
    least squares of Farbman et al. (Edge-Preserving Decompositions, 2008, eq. 2), by conjugate gradients.

    What a network estimates cell by cell is uneven where the thing is even, which a moving camera shows at once. Steps
    of the picture and of the depth itself are kept.
    """
    across, down = (
        _STRENGTH
        * torch.exp(-torch.diff(picture, dim=axis + 1).square().sum(0) / (2 * _ALIKE**2))
        * torch.exp(-torch.diff(log_depth, dim=axis).square() / _JOINED**2)
        * (ground.narrow(axis, 1, ground.shape[axis] - 1) & ground.narrow(axis, 0, ground.shape[axis] - 1))
        for axis in (1, 0)
    )

    def applied(x: Tensor) -> Tensor:
        out = x.clone()
        flow = across * torch.diff(x, dim=1)
        out[:, :-1] -= flow
        out[:, 1:] += flow
        flow = down * torch.diff(x, dim=0)
        out[:-1] -= flow
        out[1:] += flow
        return out

    x = log_depth.clone()
    residual = log_depth - applied(x)
    direction, energy = residual, residual.square().sum()
    enough = energy * _ENOUGH**2
    for _ in range(_ITERATIONS):
        if energy <= enough:
            break
        moved = applied(direction)
        step = energy / (direction * moved).sum()
        x = x + step * direction
        residual = residual - step * moved
        before, energy = energy, residual.square().sum()
        direction = residual + energy / before * direction
    return x
