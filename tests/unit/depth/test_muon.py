"""The optimizer: what it makes of a matrix, and that a network learns by it."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dollygrip_backend.training.muon import Muon, orthogonalised


@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 2**31))
def test_a_matrix_keeps_its_directions_and_loses_their_sizes(rows, columns, seed):
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    u, sizes, v = torch.linalg.svd(matrix, full_matrices=False)
    clear = sizes > 0.05 * sizes[0]  # a few steps do not lift a direction that is hardly there
    along = torch.diagonal(u.T @ orthogonalised(matrix).float() @ v.T)
    assert ((along[clear] > 0.4) & (along[clear] < 1.35)).all()


def test_a_network_of_convolutions_learns_and_the_layers_apart_are_adams():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Conv2d(8, 1, 1))
    optimizer = Muon(network, apart=("0.", "4."))
    assert [weight.shape for weight in optimizer.param_groups[0]["params"]] == [(8, 8, 3, 3)]
    x = torch.randn(64, 2, 8, 8)
    target = (x[:, :1] * x[:, 1:])[..., 1:-1, 1:-1]
    first = None
    for _ in range(150):
        loss = (network(x) - target).square().mean()
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = 5e-3
        optimizer.step()
    assert loss.item() < 0.25 * first
