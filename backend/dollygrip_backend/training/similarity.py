"""Structural similarity of pictures, differentiable."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity (B, h, w) of images (B, C, h, w) in 0..255, mean over channels (Wang et al. 2004: Gaussian
    window of 11 pixels, sigma 1.5)."""
    x = torch.arange(11.0, device=a.device) - 5
    window = torch.exp(-(x**2) / (2 * 1.5**2))
    window = window / window.sum()

    def blur(image: Tensor) -> Tensor:
        rows = conv2d(pad(image.flatten(0, 1)[:, None], (5, 5, 5, 5), mode="reflect"), window[None, None, None])
        return conv2d(rows, window[None, None, :, None])[:, 0].view_as(image)

    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return ((2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))).mean(1)
