"""What a scene cache shows, as arrays that tests compare."""

from types import SimpleNamespace

import numpy as np
import torch

from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.video.guide import to_image


def rendered(cache: SceneCache, c2w: np.ndarray, lens: np.ndarray, size: tuple[int, int]) -> SimpleNamespace:
    """Its view: rgb uint8 (h, w, 3), hole bool (h, w), depth float (h, w) along +Z; inf for sky, 0 in holes."""
    rgb, disparity = cache.render(c2w, lens, size)
    depth = torch.where(disparity < 0, 0.0, 1.0 / disparity.clamp_min(0.0))
    return SimpleNamespace(rgb=to_image(rgb), hole=(disparity < 0).numpy(), depth=depth.numpy())
