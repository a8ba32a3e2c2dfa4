"""How alike two pictures are, and the fills that the in-painter is compared with."""

import cv2
import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d

from dollygrip_backend.training.similarity import ssim_map

TELEA_RADIUS = 3  # pixels of the neighbourhood that gives a colour, as in OpenCV's own example


def psnr(a: Tensor, b: Tensor, where: Tensor | None = None) -> float:
    """Peak signal to noise ratio in dB of (h, w, 3) images in 0..255, over bool (h, w) pixels."""
    error = (a - b).square() if where is None else (a - b).square()[where]
    return float(10 * torch.log10(255**2 / error.mean().clamp_min(1e-8)))


def ssim(a: Tensor, b: Tensor, where: Tensor | None = None) -> float:
    """Mean structural similarity of (h, w, 3) images in 0..255, over bool (h, w) pixels."""
    similarity = ssim_map(*(x.permute(2, 0, 1)[None] for x in (a, b)))[0]
    return float((similarity if where is None else similarity[where]).mean())


def extend_edges(rgb: Tensor, hole: Tensor) -> Tensor:
    """Baseline: each hole pixel takes the mean of its known neighbours, ring by ring: edges are carried outwards.

    rgb (h, w, 3), hole bool (h, w).
    """
    image, known = rgb.permute(2, 0, 1)[None], (~hole)[None, None].float()
    box = torch.ones(1, 1, 3, 3)
    if not known.any():
        return rgb
    image = image * known
    while not known.all():
        count = conv2d(known, box, padding=1)
        total = conv2d((image * known).transpose(0, 1), box, padding=1).transpose(0, 1)
        image = torch.where(known > 0, image, total / count.clamp_min(1))
        known = max_pool2d(known, 3, 1, 1)
    return image[0].permute(1, 2, 0)


def telea(rgb: Tensor, hole: Tensor) -> Tensor:
    """Baseline: OpenCV's in-painting by fast marching (Telea 2004), rgb (h, w, 3) in 0..255, hole bool (h, w)."""
    image = rgb.clamp(0, 255).round().byte().numpy()
    return torch.from_numpy(cv2.inpaint(image, hole.byte().numpy(), TELEA_RADIUS, cv2.INPAINT_TELEA)).float()
