"""The optimizer of the networks that are limited by compute: Muon for matrices and convolutions, Adam for the rest.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) replaces the momentum of a weight matrix by the
nearest semi-orthogonal matrix, so that all its directions learn alike; scaled to the size of Adam's steps as Liu et al.
(arXiv 2502.16982, eq. 4) do. torch.optim.Muon is the same for matrices alone: it takes no convolution.
"""

import torch
from torch import Tensor, nn

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the Newton-Schulz iteration, tuned by Jordan for few steps


class Muon(torch.optim.Optimizer):
    """Over all of `model`'s weights; the learning rate is of Adam's size.

    Weights of two and more dimensions are matrices of (outputs, everything else); `apart` starts the names of those
    that Adam takes all the same: a network's first and last layers.
    """

    def __init__(self, model: nn.Module, apart: tuple[str, ...] = (), weight_decay: float = 0.02):
        matrices, others = [], []
        for name, weight in model.named_parameters():
            (matrices if weight.ndim > 1 and not name.startswith(apart) else others).append(weight)
        super().__init__(
            [{"params": matrices, "orthogonal": True}, {"params": others, "orthogonal": False}],
            {"lr": 1e-3, "weight_decay": weight_decay, "momentum": 0.95, "betas": (0.9, 0.99)},
        )

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            update = _orthogonal_update if group["orthogonal"] else _adam_update
            for weight in group["params"]:
                if weight.grad is not None:
                    change = update(weight.grad, self.state[weight], group)
                    weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(change, alpha=group["lr"])


def _orthogonal_update(gradient: Tensor, state: dict, group: dict) -> Tensor:
    momentum = state.setdefault("momentum", torch.zeros_like(gradient))
    momentum.lerp_(gradient, 1 - group["momentum"])
    nesterov = gradient.lerp(momentum, group["momentum"]).flatten(1)
    change = orthogonalised(nesterov) * (0.2 * max(nesterov.shape) ** 0.5)
    return change.to(gradient.dtype).view(gradient.shape)


def _adam_update(gradient: Tensor, state: dict, group: dict) -> Tensor:
    mean = state.setdefault("mean", torch.zeros_like(gradient))
    square = state.setdefault("square", torch.zeros_like(gradient))
    count = state.setdefault("count", torch.zeros(()))
    count += 1
    slow, slower = group["betas"]
    mean.lerp_(gradient, 1 - slow)
    square.lerp_(gradient.square(), 1 - slower)
    return (mean / (1 - slow**count)) / ((square / (1 - slower**count)).sqrt() + 1e-8)


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """A matrix (M, N) with the singular vectors of `matrix` and singular values between 0.7 and 1.2, bfloat16."""
    wide = matrix.shape[0] <= matrix.shape[1]
    x = (matrix if wide else matrix.T).bfloat16()
    x = x / (x.norm() + 1e-7)
    a, b, c = _COEFFICIENTS
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide else x.T
