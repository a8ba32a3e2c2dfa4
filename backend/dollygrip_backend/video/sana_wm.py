"""The engine `sana-wm`: SANA-WM (arXiv 2605.15178) on diffusers, given every frame's pose and lens as they are.

The model is conditioned on the picture as the first frame, and on OpenCV camera-to-world poses in metres. A shot that
starts elsewhere than where the picture was taken gets a lead-in from there, which is rendered and not shown. A long
shot is made in windows: the last frames of one are encoded again and held fixed as the first latents of the next, as
the first frame always is. The public weights were trained with the first latent alone held; more of them is this
engine's own extension.
"""

from typing import Any

import numpy as np
import torch
from diffusers import SanaWMPipeline
from diffusers.pipelines.sana_wm.pipeline_sana_wm import DEFAULT_CHI_PROMPT
from PIL import Image
from torch import Tensor

from dollygrip.trajectory import Trajectory
from dollygrip_backend.video.diffusion import DiffusionEngine, Job, resized
from dollygrip_backend.video.engine import Shot, reference_view
from dollygrip_backend.video.presets import fit_tiles
from dollygrip_backend.video.reference import crop
from dollygrip_backend.video.registry import builtin_info
from dollygrip_backend.video.specs import SANA_WM
from dollygrip_backend.video.windows import Window

LEAD_STEP = (1.5, 0.02, 0.02)  # a frame's part of a lead-in: degrees, scene depths, logarithm of the focal length
MAX_LEAD = 80  # frames


class ChainedSanaWMPipeline(SanaWMPipeline):
    """SanaWMPipeline that can hold more than the first frame: `held`, (1, 3, F, h, w) in -1..1, F of 8 m + 1."""

    held: Tensor | None = None

    def prepare_latents(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """As the pipeline's own, with the latents of `held` in place and masked as known."""
        latents, mask = super().prepare_latents(*args, **kwargs)
        if self.held is not None:
            known = self.vae.encode(self.held.to(latents.device, self.vae.dtype)).latent_dist.mode()
            mean, std = (v.view(1, -1, 1, 1, 1).to(known) for v in (self.vae.latents_mean, self.vae.latents_std))
            known = (known - mean) * self.vae.config.scaling_factor / std
            latents[:, :, : known.shape[2]] = known.to(latents.dtype)
            mask[:, :, : known.shape[2]] = 1.0
        return latents, mask


class SanaWMEngine(DiffusionEngine):
    """Camera-controlled video by SANA-WM's bidirectional model, stage 1."""

    info = builtin_info("sana-wm")
    spec = SANA_WM
    steps = 60

    def _pipeline_class(self) -> Any:
        return ChainedSanaWMPipeline

    def _job(self, shot: Shot, size: tuple[int, int]) -> Job:
        return SanaJob(shot, size)

    def _generate(self, pipe: Any, window: Window, inputs: dict[str, Any], job: Job, *args: Any) -> list[np.ndarray]:
        fit_tiles(pipe.vae, job.size)
        pipe.held = inputs.pop("held")
        try:
            return super()._generate(pipe, window, inputs, job, *args)
        finally:
            pipe.held = None

    def _encode(self, pipe: Any, prompt: str) -> dict[str, Any]:
        embeds, mask, negative, negative_mask = pipe.encode_prompt(prompt, chi_prompt=DEFAULT_CHI_PROMPT)
        return {
            "prompt": prompt,
            "prompt_embeds": embeds,
            "prompt_attention_mask": mask,
            "negative_prompt_embeds": negative,
            "negative_prompt_attention_mask": negative_mask,
        }


class SanaJob(Job):
    """The camera with its lead-in, in pixels of the size the model works at, and the picture cropped to it."""

    def __init__(self, shot: Shot, size: tuple[int, int]):
        super().__init__(shot, size)
        lead, here = lead_in(shot.trajectory), shot.trajectory.resized(size)
        self.lead = 0 if lead is None else len(lead)
        self.c2w, self.intrinsics = here.c2w, here.intrinsics
        if lead is not None:
            self.c2w = np.concatenate([lead.c2w, here.c2w])
            self.intrinsics = np.concatenate([lead.resized(size).intrinsics, here.intrinsics])
        self._picture = crop(shot.image, size, shot.trajectory)

    def inputs(self, window: Window, tail: list[np.ndarray]) -> dict[str, Any]:
        """See Job.inputs. Poses are made relative to the window's first here, in float64: the pipeline has 32 bits."""
        c2w = self.c2w[window.frames]
        first = tail[0] if tail else self._picture
        return {
            "image": Image.fromarray(first),
            "c2w": np.linalg.inv(c2w[0]) @ c2w,
            "intrinsics": self.intrinsics[window.frames],
            "held": _as_video(tail) if tail else None,
        }

    def finish(self, window: Window, made: list[np.ndarray]) -> list[np.ndarray]:
        """See Job.finish. Frame 0 is the picture itself where the shot starts at it, not its way through the VAE."""
        shown = [resized(frame, self.shot.size) for frame in made]
        if window.start == 0 and not self.lead:
            shown[0] = crop(self.shot.image, self.shot.size, self.shot.trajectory)
        return shown


def lead_in(trajectory: Trajectory) -> Trajectory | None:
    """A straight move from where the reference was taken to just before frame 0; None where frame 0 is there already.

    It is as long as an unhurried camera needs, within bounds: what it uncovers on its way, the shot begins with.
    """
    c2w, intrinsics = reference_view(trajectory)
    start, lens = trajectory.c2w[0], trajectory.intrinsics[0]
    cosine = (np.trace(c2w[:3, :3].T @ start[:3, :3]) - 1) / 2
    way = (
        np.degrees(np.arccos(np.clip(cosine, -1, 1))),
        np.linalg.norm(start[:3, 3] - c2w[:3, 3]) / trajectory.scene_depth,
        np.abs(np.log(lens[:2] / intrinsics[:2])).max() + np.abs((lens - intrinsics)[2:] / trajectory.size).max(),
    )
    frames = max(part / step for part, step in zip(way, LEAD_STEP, strict=True))
    if frames < 1e-3:
        return None
    ends = Trajectory(
        np.stack([c2w, start]), np.stack([intrinsics, lens]), trajectory.size, trajectory.fps, trajectory.scene_depth
    )
    frames = int(np.clip(np.ceil(frames), 1, MAX_LEAD))
    return _first(ends.resampled(frames + 1), frames)


def _first(trajectory: Trajectory, frames: int) -> Trajectory:
    return Trajectory(
        trajectory.c2w[:frames], trajectory.intrinsics[:frames], trajectory.size, trajectory.fps, trajectory.scene_depth
    )


def _as_video(frames: list[np.ndarray]) -> Tensor:
    """uint8 (h, w, 3) frames -> (1, 3, F, h, w) in -1..1."""
    return torch.from_numpy(np.stack(frames)).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
