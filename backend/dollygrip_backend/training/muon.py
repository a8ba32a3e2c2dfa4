"""The optimizer of the networks that are limited by compute: Muon for matrices and convolutions, Adam for the rest.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) replaces the momentum of a weight matrix by the
nearest semi-orthogonal matrix, so that all its directions learn alike; scaled to the size of Adam's steps as Liu et al.
(arXiv 2502.16982, eq. 4) do. torch.optim.Muon is the same for matrices alone: it takes no convolution.
"""

import torch
from torch import Tensor, nn

from dollygrip_backend.precision import fast_dtype

_COEFFICIENTS, _STEPS = (3.4445, -4.7750, 2.0315), 5  # of the Newton-Schulz iteration, tuned by Jordan for few steps


class Muon(torch.optim.Optimizer):
    """Over all of `model`'s weights; the learning rate is of Adam's size.

    Weights of two and more dimensions are matrices of (outputs, everything else); `apart` starts the names of those
    that Adam takes all the same: a network's first and last layers.
    """

    def __init__(self, model: nn.Module, apart: tuple[str, ...] = ()):
        matrices, others = [], []
        for name, weight in model.named_parameters():
            (matrices if weight.ndim > 1 and not name.startswith(apart) else others).append(weight)
        super().__init__(
            [{"params": matrices, "orthogonal": True}, {"params": others, "orthogonal": False}],
            {"lr": 1e-3, "weight_decay": 0.02, "momentum": 0.95, "betas": (0.9, 0.99)},
        )

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            update = _orthogonal_updates if group["orthogonal"] else _adam_updates
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if weights:
                changes = update([weight.grad for weight in weights], [self.state[weight] for weight in weights], group)
                torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(weights, changes, alpha=-group["lr"])


def _moments(name: str, gradients: list[Tensor], states: list[dict]) -> list[Tensor]:
    return [state.setdefault(name, torch.zeros_like(g)) for g, state in zip(gradients, states, strict=True)]


def _orthogonal_updates(gradients: list[Tensor], states: list[dict], group: dict) -> list[Tensor]:
    momenta = _moments("momentum", gradients, states)
    torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
    nesterov = [ahead.flatten(1) for ahead in torch._foreach_lerp(gradients, momenta, group["momentum"])]
    changes = _one_by_one(nesterov) if gradients[0].is_cpu else _by_shape(nesterov)
    scales = [0.2 * max(matrix.shape) ** 0.5 for matrix in nesterov]
    changes = torch._foreach_mul([change.to(gradients[0].dtype) for change in changes], scales)
    return [change.view(gradient.shape) for change, gradient in zip(changes, gradients, strict=True)]


def _one_by_one(matrices: list[Tensor]) -> list[Tensor]:
    """Orthogonalised; a processor has no fast product of several half-precision matrices at once."""
    return [orthogonalised(matrix) for matrix in matrices]


def _by_shape(matrices: list[Tensor]) -> list[Tensor]:
    """Orthogonalised, those of one shape together: what a graphics card waits for is calls."""
    changes = list(matrices)
    for shape in {matrix.shape for matrix in matrices}:
        members = [i for i, matrix in enumerate(matrices) if matrix.shape == shape]
        for i, change in zip(members, orthogonalised(torch.stack([matrices[i] for i in members])), strict=True):
            changes[i] = change
    return changes


def _adam_updates(gradients: list[Tensor], states: list[dict], group: dict) -> list[Tensor]:
    means, squares = (_moments(name, gradients, states) for name in ("mean", "square"))
    counts = [state.setdefault("count", torch.zeros(())) for state in states]
    torch._foreach_add_(counts, 1)
    count, (slow, slower) = float(counts[0]), group["betas"]
    torch._foreach_lerp_(means, gradients, 1 - slow)
    torch._foreach_lerp_(squares, torch._foreach_mul(gradients, gradients), 1 - slower)
    sizes = torch._foreach_sqrt(torch._foreach_div(squares, 1 - slower**count))
    torch._foreach_add_(sizes, 1e-8)
    return list(torch._foreach_div(torch._foreach_div(means, 1 - slow**count), sizes))


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices (..., M, N) with the singular vectors of `matrices` and singular values of 0.7 to 1.2, coarsely."""
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x = (matrices if wide else matrices.mT).to(fast_dtype(matrices.device.type))
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = _COEFFICIENTS
    for _ in range(_STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide else x.mT
