"""The engine `wan-vace`: Wan 2.1 VACE (arXiv 2503.07598) on diffusers, painting what the 3D cache does not know.

The cache is rendered through every frame of the camera; the model gets this guide video, grey in its holes, and the
mask of what to generate. What the guide is certain of is put back afterwards, so the camera is exact there, and frame 0
is the picture where the shot starts at it. A long shot is made in windows: the last frames of one are given to the next
as known, and what was generated enters the cache, so that it is seen again when the camera returns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from diffusers import WanVACEPipeline
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.video.diffusion import DiffusionEngine, Job, resized
from dollygrip_backend.video.engine import Shot
from dollygrip_backend.video.fill import fill_holes, grow
from dollygrip_backend.video.guide import to_image
from dollygrip_backend.video.reference import prepare_reference
from dollygrip_backend.video.registry import builtin_info
from dollygrip_backend.video.specs import WAN_VACE
from dollygrip_backend.video.windows import Window

RIM = 2  # half the pixels inside of a hole over which the fill from its sides passes into what was generated
ENOUGH = 0.004  # a hole fraction that is worth remembering
AT_ONCE = 9  # frames of a guide that are filled together: a card takes hardly longer for them than for one
CLOSE = 1  # pixels by which what is remembered overlaps what was known, so that no gap opens between the two


class WanVACEEngine(DiffusionEngine):
    """Video in-painting by Wan 2.1 VACE 1.3B."""

    info = builtin_info("wan-vace")
    spec = WAN_VACE
    steps = 50

    def _pipeline_class(self) -> Any:
        return WanVACEPipeline

    def _job(self, shot: Shot, size: tuple[int, int]) -> Job:
        return VaceJob(shot, size, self.device)

    def _encode(self, pipe: Any, prompt: str) -> dict[str, Any]:
        embeds, negative = pipe.encode_prompt(prompt, "", max_sequence_length=512)
        return {"prompt_embeds": embeds, "negative_prompt_embeds": negative}


class VaceJob(Job):
    """The 3D cache, and the guide of the window at hand."""

    def __init__(self, shot: Shot, size: tuple[int, int], device: str):
        super().__init__(shot, size)
        reference = prepare_reference(shot, device)
        self.camera = shot.trajectory.resized(shot.size)
        self.cache = SceneCache.from_view(
            reference.rgb, reference.depth, reference.c2w, reference.intrinsics, device, reference.detail
        )
        self._guide: list[np.ndarray] = []  # uint8 (h, w, 3) of shot.size, one a frame, without holes
        self._alpha: list[np.ndarray] = []  # float32 (h, w): 0 where the guide is shown, 1 where what was generated

    def inputs(self, window: Window, tail: list[np.ndarray]) -> dict[str, Any]:
        """See Job.inputs: video and mask (1, F, 3, h, w) in 0..1, the mask 1 where there is something to generate."""
        self._look(window)
        pairs = [guide_and_mask(rgb, alpha, self.size) for rgb, alpha in zip(self._guide, self._alpha, strict=True)]
        for index, frame in enumerate(tail):
            pairs[index] = (frame, np.zeros(frame.shape[:2], bool))
        video, mask = (np.stack(part)[window.frames - window.start] for part in zip(*pairs, strict=True))
        mask = torch.from_numpy(mask)[None, :, None].expand(-1, -1, 3, -1, -1).float()
        video = torch.from_numpy(video)[None].permute(0, 1, 4, 2, 3).float() / 255
        return {"video": torch.where(mask > 0, 0.5, video), "mask": mask}

    def finish(self, window: Window, made: list[np.ndarray]) -> list[np.ndarray]:
        """See Job.finish: the guide where it is certain; and what was generated goes into the cache."""
        shown = [
            (resized(frame, self.shot.size) * alpha[..., None] + rgb * (1 - alpha[..., None]) + 0.5).astype(np.uint8)
            for frame, rgb, alpha in zip(made, self._guide, self._alpha, strict=True)
        ]
        for frame in self._telling(window):
            self._remember(frame, shown[frame - window.start])
        return shown

    def recall(self, window: Window, finished: Sequence[np.ndarray]) -> None:
        """See Job.recall: what was generated goes into the cache again."""
        self._look(window)
        for frame in self._telling(window):
            self._remember(frame, finished[frame])

    def _look(self, window: Window) -> None:
        """Render the guide of a window from the cache, which keeps what this window and later ones can see."""
        later = slice(window.start, None)
        self.cache.forget_unseen(self.camera.c2w[later], self.camera.intrinsics[later], self.shot.size)
        self._guide, self._alpha = [], []
        for first in range(window.start, window.stop, AT_ONCE):
            seen = [
                self.cache.render(self.camera.c2w[frame], self.camera.intrinsics[frame], self.shot.size)
                for frame in range(first, min(first + AT_ONCE, window.stop))
            ]
            rgb, disparity = (torch.stack(part) for part in zip(*seen, strict=True))
            rgb = fill_holes(rgb, disparity, disparity < 0)[0]
            self._guide += list(to_image(rgb))
            self._alpha += list(blend(disparity < 0).cpu().numpy())

    def _telling(self, window: Window) -> list[int]:
        """The new frames of a window that are worth remembering: the one with the largest holes, and the last."""
        new = range(window.start + window.known, window.stop)
        return sorted({max(new, key=lambda frame: self._alpha[frame - window.start].sum()), new[-1]})

    def _remember(self, frame: int, rgb: np.ndarray) -> None:
        """Put what a frame shows in the cache's holes into the cache, at the depth of the surfaces around them."""
        c2w, intrinsics = self.camera.c2w[frame], self.camera.intrinsics[frame]
        known, disparity = self.cache.render(c2w, intrinsics, self.shot.size)
        hole = disparity < 0
        if hole.float().mean() < ENOUGH:
            return
        hole = grow(hole, CLOSE)
        disparity = self.cache.push_behind(fill_holes(known, disparity, hole)[1], hole, c2w, intrinsics)
        self.cache.add_view(rgb, (1.0 / disparity).cpu().numpy(), c2w, intrinsics, hole.cpu().numpy())


def blend(hole: Tensor) -> Tensor:
    """bool (..., h, w) -> float (..., h, w): how much of what was generated is shown.

    0 outside of holes, so that what is known stays exact; from 0 to 1 over 2 RIM pixels inside, so that no seam shows;
    0 in holes of at most 2 RIM pixels across: such cracks are filled from their sides.
    """
    core = ~grow(~hole, RIM)
    core = core.reshape(1, -1, *hole.shape[-2:]).float()
    return avg_pool2d(core, 2 * RIM + 1, 1, RIM, count_include_pad=False).view_as(hole) * hole


def guide_and_mask(rgb: np.ndarray, alpha: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A guide and what of it is not to be believed, bool (h, w), at the size the model works at.

    Both are resampled by the same filter, so no pixel that a hole's colour went into stays unmasked.
    """
    mask = alpha > 0
    if rgb.shape[1::-1] != tuple(size):
        filter_ = Image.Resampling.BILINEAR
        rgb = np.asarray(Image.fromarray(rgb).resize(size, filter_))
        mask = np.asarray(Image.fromarray(mask.astype(np.float32)).resize(size, filter_)) > 0
    return rgb, mask
