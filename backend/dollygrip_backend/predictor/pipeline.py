"""The camera predictor as a diffusers pipeline: prompt and reference image in, camera trajectories out."""

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import attrs
import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from torch import Tensor

from dollygrip.errors import InputError
from dollygrip.trajectory import MAX_FRAMES, Trajectory
from dollygrip_backend.data.grammar.motion import Context
from dollygrip_backend.predictor.channels import CHANNELS, SAMPLES, SCALE, poses_of_channels, resample, smooth
from dollygrip_backend.predictor.conditions import central_depth, condition_vector, picture_planes
from dollygrip_backend.predictor.network import CameraTransformer, Memory
from dollygrip_backend.predictor.text import TextEncoder, TextFeatures

DEFAULT_VIEW = 50.0
NOISE_SHIFT = 3.0  # smooth channels show through noise: training and sampling stay longer at high noise levels
MODEL_NAME = "dollygrip-camera"
_MAX_TAKES = 64
_UNUSED = -0.7  # logit below which (a third) a channel is not part of the move and stays exactly zero

Progress = Callable[[int, int], None]


class CameraPipeline(DiffusionPipeline):
    """Stage 1, camera first.

        pipe = CameraPipeline.from_pretrained(CameraPipeline.shipped())
        takes = pipe(image, "slowly push in", frames=81, fps=24, seed=0, takes=3)

    The text encoder is not saved with the pipeline: it comes with its own package and loads with the first prompt.
    """

    def __init__(self, transformer: CameraTransformer, scheduler: FlowMatchEulerDiscreteScheduler):
        super().__init__()
        self.register_modules(transformer=transformer, scheduler=scheduler)

    @staticmethod
    def shipped() -> Path:
        """The folder of the weights that come with Dollygrip."""
        return Path(__file__).parents[1] / "weights" / "predictor"

    @staticmethod
    def fresh_scheduler() -> FlowMatchEulerDiscreteScheduler:
        """The scheduler that the network is trained for."""
        return FlowMatchEulerDiscreteScheduler(shift=NOISE_SHIFT)

    @cached_property
    def text_encoder(self) -> TextEncoder:
        """MiniLM, loaded when first needed."""
        return TextEncoder()

    @torch.inference_mode()
    def __call__(
        self,
        image: np.ndarray,
        prompt: str,
        frames: int = 81,
        fps: float = 24.0,
        seed: int = 0,
        takes: int = 1,
        size: tuple[int, int] | None = None,
        view_degrees: float | None = None,
        scene_depth: float | None = None,
        depth: np.ndarray | None = None,
        strength: float = 1.0,
        subject: tuple[float, float] | None = None,
        steps: int = 10,
        guidance: float = 1.0,
        progress: Progress | None = None,
    ) -> list[Trajectory]:
        """Predict `takes` cameras that obey `prompt` in different ways; take k is the same however many are drawn.

        image: uint8 (H, W, 3), the reference, which frame 0 of every take sees. size: (width, height) of the
        trajectory, the image's by default; another aspect crops the image about its centre. view_degrees:
        horizontal field of view of the uncropped image, 50 by default. depth: (H, W) along +Z, any positive unit;
        scene_depth: median depth in the same unit, by default that of `depth`, else 1; distances in metres in a prompt
        mean this unit. strength: factor on amounts that the prompt does not give in numbers. subject: (x, y) in the
        image from 0 to 1 that an orbit turns about. progress(done, steps) may raise to cancel.

        Raises InputError for anything that cannot be used, naming it.
        """
        check_inputs(image, [prompt], frames, fps, takes, view_degrees, scene_depth, depth, strength, subject)
        reference = Reference.of(image, view_degrees, scene_depth, depth, subject)
        channels = self.sample(
            [prompt], reference, (frames - 1) / fps, strength, seed, takes, steps, guidance, progress
        )
        return [
            reference.trajectory(channels[0, k], frames, fps, size, {"prompt": prompt, "seed": seed, "take": k})
            for k in range(takes)
        ]

    @torch.inference_mode()
    def batch(
        self,
        image: np.ndarray,
        prompts: Sequence[str],
        frames: int = 81,
        fps: float = 24.0,
        seed: int = 0,
        chunk: int = 64,
    ) -> list[Trajectory]:
        """One take for each of many prompts over the same image; what `__call__` gives, several times faster."""
        check_inputs(image, prompts, frames, fps, 1, None, None, None, 1.0, None)
        reference = Reference.of(image, None, None, None, None)
        out = []
        for start in range(0, len(prompts), chunk):
            part = list(prompts[start : start + chunk])
            channels = self.sample(part, reference, (frames - 1) / fps, 1.0, seed, 1)
            out += [
                reference.trajectory(c[0], frames, fps, None, {"prompt": p, "seed": seed, "take": 0})
                for c, p in zip(channels, part, strict=True)
            ]
        return out

    def sample(
        self,
        prompts: list[str],
        reference: "Reference",
        duration: float,
        strength: float,
        seed: int,
        takes: int,
        steps: int = 10,
        guidance: float = 1.0,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """(prompts, takes, 64, 7) channels in scene depths, radians and log focal ratio, smooth and zero at frame 0."""
        device = self.transformer.device
        text = self.text_encoder.encode(prompts)
        text = TextFeatures(*(value.to(device) for value in attrs.astuple(text, recurse=False)))
        picture = reference.picture.to(device).expand(len(prompts), -1, -1, -1)
        context = attrs.evolve(reference.context, duration=max(duration, 0.1))
        noise, spread = zip(*(_draw(seed, k) for k in range(takes)), strict=True)
        vectors = [condition_vector(attrs.evolve(context, strength=strength * factor)) for factor in spread]
        conditions = torch.from_numpy(np.stack(vectors)).to(device).expand(len(prompts), -1, -1)
        memories = [self.transformer.remember(text, picture)]
        if guidance != 1.0:
            silent = attrs.evolve(text, mask=torch.zeros_like(text.mask))
            memories.append(self.transformer.remember(silent, picture))
        x = torch.stack(noise).to(device).expand(len(prompts), -1, -1, -1)
        clean, active = self._denoise(x, memories, conditions, steps, guidance, progress)
        channels = (clean * (active > _UNUSED)[:, :, None]).double().cpu().numpy() * SCALE
        channels[..., :3] *= reference.unit
        return smooth(channels)

    def _denoise(
        self,
        x: Tensor,
        memories: list[Memory],
        conditions: Tensor,
        steps: int,
        guidance: float,
        progress: Progress | None,
    ) -> tuple[Tensor, Tensor]:
        """Integrate from noise x (B, K, 64, 7); the last step ends at the network's own clean trajectory."""
        self.scheduler.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps), device=x.device)
        nothing = torch.zeros_like(x)
        for i, time in enumerate(self.scheduler.timesteps):
            sigma = self.scheduler.sigmas[i].expand(x.shape[:2])
            clean, active = self.transformer(x, sigma, nothing, nothing, conditions, memories[0])
            if guidance != 1.0:
                unasked, _ = self.transformer(x, sigma, nothing, nothing, conditions, memories[1])
                clean = unasked + guidance * (clean - unasked)
            velocity = (x - clean) / self.scheduler.sigmas[i]
            x = self.scheduler.step(velocity, time, x, return_dict=False)[0]
            if progress:
                progress(i + 1, steps)
        return x, active


def _draw(seed: int, take: int) -> tuple[Tensor, float]:
    """Noise (64, 7) and strength factor of one take: its own stream, so takes do not depend on how many are drawn.

    The noise alone changes a take by a few per cent; the strength, drawn from three quarters to four thirds, is what
    an animator sees. It does not touch amounts that the prompt gives in numbers.
    """
    random = np.random.default_rng((seed, take))
    generator = torch.Generator().manual_seed(int(random.integers(2**62)))
    factor = float(np.exp(random.uniform(np.log(0.75), np.log(4 / 3))))
    return torch.randn(SAMPLES, CHANNELS, generator=generator), factor


@attrs.frozen
class Reference:
    """The reference view: what the network sees of it, and what a trajectory needs to start from it.

    unit: distance of the subject over scene_depth. The network's positions are in units of the subject's distance, so
    an orbit has the right radius and a push-in covers the same part of the way, near or far.
    """

    context: Context
    scene_depth: float
    unit: float
    picture: Tensor
    image_size: tuple[int, int]
    sha256: str

    @classmethod
    def of(cls, image, view_degrees, scene_depth, depth, subject) -> "Reference":
        """From checked inputs."""
        height, width = image.shape[:2]
        if scene_depth is None:
            finite = depth[np.isfinite(depth)] if depth is not None else np.zeros(0)
            scene_depth = float(np.median(finite)) if finite.size else 1.0
        unit = 1.0
        if depth is not None:
            unit = (central_depth(depth) if subject is None else _depth_at(depth, subject)) / scene_depth
            unit = float(np.clip(unit, 0.1, 4)) if np.isfinite(unit) else 1.0
        context = Context(
            view_degrees=view_degrees or DEFAULT_VIEW,
            scene_depth=scene_depth * unit,
            subject=subject,
            aspect=width / height,
        )
        picture = picture_planes(image, depth, scene_depth)
        sha256 = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
        return cls(context, scene_depth, unit, picture, (width, height), sha256)

    def trajectory(self, channels: np.ndarray, frames: int, fps: float, size, meta: dict) -> Trajectory:
        """(64, 7) channels -> a trajectory whose frame 0 is the identity and sees the image, cropped to `size`."""
        width, height = size or self.image_size
        # The image covers the new size: the side that fits exactly sets the scale, the other is cropped.
        scale = max(width / self.image_size[0], height / self.image_size[1])
        focal = self.image_size[0] / 2 / math.tan(math.radians(self.context.view_degrees) / 2) * scale
        c2w, ratio = poses_of_channels(resample(channels, frames))
        c2w[:, :3, 3] *= self.scene_depth
        intrinsics = np.tile([focal, focal, width / 2, height / 2], (frames, 1))
        intrinsics[:, :2] *= ratio[:, None]
        reference = {"sha256": self.sha256, "c2w": np.eye(4).tolist(), "intrinsics": intrinsics[0].tolist()}
        meta = {**meta, "model": MODEL_NAME, "reference": reference}
        return Trajectory(c2w, intrinsics, (width, height), fps, self.scene_depth, meta)


def _depth_at(depth: np.ndarray, subject: tuple[float, float]) -> float:
    """Median depth in a window of a tenth of the picture about the subject."""
    h, w = depth.shape
    x, y = int(subject[0] * (w - 1)), int(subject[1] * (h - 1))
    dx, dy = max(1, w // 20), max(1, h // 20)
    return float(np.median(depth[max(0, y - dy) : y + dy + 1, max(0, x - dx) : x + dx + 1]))


def check_inputs(image, prompts, frames, fps, takes, view_degrees, scene_depth, depth, strength, subject) -> None:
    """Raise InputError for the first input that cannot be used."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"The reference image must be a uint8 array (height, width, 3), not {what}.")
    if min(image.shape[:2]) < 8:
        raise InputError(f"The reference image is only {image.shape[1]}x{image.shape[0]} pixels.", "Use at least 8x8.")
    if not prompts or any(not isinstance(p, str) or not p.strip() for p in prompts):
        raise InputError("The prompt is empty.", "Say how the camera should move, for example “slowly push in”.")
    if not 1 <= frames <= MAX_FRAMES:
        raise InputError(f"Cannot predict {frames} frames.", f"Ask for 1 to {MAX_FRAMES}.")
    if not 1 <= takes <= _MAX_TAKES:
        raise InputError(f"Cannot draw {takes} takes.", f"Ask for 1 to {_MAX_TAKES}.")
    for name, value, low, high in (
        ("frame rate", fps, 0.1, 1000),
        ("field of view", view_degrees, 1, 170),
        ("scene depth", scene_depth, 1e-6, 1e9),
        ("strength", strength, 0.05, 5),
    ):
        if value is not None and not low <= value <= high:  # NaN fails as well
            raise InputError(f"The {name} is {value}.", f"Use a number from {low:g} to {high:g}.")
    if depth is not None:
        if depth.shape != image.shape[:2]:
            raise InputError(
                f"The depth is {depth.shape[::-1]} pixels, the image {image.shape[1::-1]}.",
                "Resize the depth to the image.",
            )
        if np.isnan(depth).any() or (depth <= 0).any():
            raise InputError("The depth has pixels that are not positive.", "Mark the sky as infinity.")
    if subject is not None and not all(0 <= value <= 1 for value in subject):
        raise InputError(f"The subject {subject} lies outside the image.", "Give x and y from 0 to 1.")
