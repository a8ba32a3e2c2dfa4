"""Figures of likeness and the baseline fills."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip_backend.evaluation.pictures import extend_edges, psnr, ssim, telea


@given(st.floats(1, 60), st.integers(0, 1000))
@settings(max_examples=20)
def test_psnr_of_an_offset_and_ssim_of_equals(offset, seed):
    image = torch.rand(16, 20, 3, generator=torch.Generator().manual_seed(seed)) * 255
    assert psnr(image + offset, image) == pytest.approx(20 * torch.log10(torch.tensor(255 / offset)).item(), abs=1e-3)
    assert ssim(image, image) > 0.9999
    assert ssim(image, 255 - image) < 0.2


def test_figures_of_a_part_know_nothing_of_the_rest():
    image = torch.rand(30, 40, 3, generator=torch.Generator().manual_seed(0)) * 255
    other, left = image.clone(), torch.zeros(30, 40, dtype=torch.bool)
    other[:, 30:] = 0
    left[:, :20] = True
    assert psnr(image, other, left) > 100 > psnr(image, other) and ssim(image, other, left) > 0.9999 > ssim(
        image, other
    )


@pytest.mark.parametrize("fill", [extend_edges, telea])
@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_a_baseline_keeps_the_known_and_takes_nothing_from_the_hole(fill, seed):
    random = torch.Generator().manual_seed(seed)
    rgb = (torch.rand(12, 16, 3, generator=random) * 255).round()
    hole = torch.zeros(12, 16, dtype=torch.bool)
    hole[3:9, 5:13] = True
    other = torch.where(hole[..., None], 255 - rgb, rgb)
    assert torch.equal(fill(rgb, hole)[~hole], rgb[~hole])
    assert torch.equal(fill(rgb, hole), fill(other, hole))


def test_edge_extension_carries_the_border_outwards():
    rgb = torch.zeros(5, 9, 3)
    rgb[:, :4] = torch.tensor([10.0, 20, 30])
    hole = torch.zeros(5, 9, dtype=torch.bool)
    hole[:, 4:] = True
    assert torch.allclose(extend_edges(rgb, hole), torch.tensor([10.0, 20, 30]).expand(5, 9, 3))
