"""The in-painter: a compact diffusion model that says what is to be seen in the holes of a guide.

What it draws is the correction to the classical fill: that leaves little way to go, so a small network does. From noise
in the holes, a U-Net that is told the fill, the hole, disparity, Plücker rays and the reference says which picture it
expects; a few steps of flow matching (Lipman et al., arXiv 2210.02747) lead there. The engine paints a hole once and
remembers it in the 3D cache, so what is painted stays where it is from frame to frame.
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin, UNet2DModel
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, pixel_shuffle, pixel_unshuffle

from dollygrip.errors import DollygripError, InputError
from dollygrip_backend.video.guide import FilledGuide
from dollygrip_backend.video.reference import Reference

CONDITION = 14  # fill (3), hole, disparity, Plücker rays (6), reference (3)
RAYS = slice(5, 11)  # of the condition
MIRRORED_RAYS = (-1, 1, 1, 1, -1, -1)  # a mirrored axis turns a direction on it, and a moment on the others
ATTENTION_LEVELS = 2  # the coarsest
NOISE = 0.3  # standard deviation of the noise, colours in -1..1: about that of a correction
WORKING_SIDE = 160  # pixels of the longer side that the network works at, those of the scenes it is trained on
STEPS = 1  # the expected picture: by PSNR and SSIM better than what more of them draw
WEIGHTS = Path(__file__).parents[1] / "weights" / "embedded"


class InPaintingNetwork(ModelMixin, ConfigMixin):
    """Expects the correction from a noisy one. A diffusers model: `save_pretrained`, `from_pretrained`.

    channels: of the U-Net's levels; layers: residual blocks in each; block: pixels per side of one of its positions.
    """

    @register_to_config
    def __init__(self, channels: tuple[int, ...] = (64, 128, 192), layers: int = 1, block: int = 2):
        super().__init__()
        plain = len(channels) - ATTENTION_LEVELS
        self.unet = UNet2DModel(
            in_channels=(CONDITION + 3) * block**2,
            out_channels=3 * block**2,
            block_out_channels=tuple(channels),
            layers_per_block=layers,
            down_block_types=("DownBlock2D",) * plain + ("AttnDownBlock2D",) * ATTENTION_LEVELS,
            up_block_types=("AttnUpBlock2D",) * ATTENTION_LEVELS + ("UpBlock2D",) * plain,
            norm_num_groups=8,
            attention_head_dim=32,
        )
        nn.init.zeros_(self.unet.conv_out.weight)  # untrained, it leaves the fill alone
        nn.init.zeros_(self.unet.conv_out.bias)

    def forward(self, condition: Tensor, noisy: Tensor, time: Tensor) -> Tensor:
        """condition (B, 14, h, w) of `encode_condition`, noisy (B, 3, h, w), time (B,), 1 for nothing but noise -> the
        correction, (B, 3, h, w), that the fill in -1..1 needs, of any size; 0 where the condition has no hole."""
        block, (height, width) = self.config.block, condition.shape[2:]
        multiple = block * 2 ** (len(self.config.channels) - 1)
        told = pad(torch.cat([condition, noisy / NOISE], 1), (0, -width % multiple, 0, -height % multiple), "replicate")
        expected = pixel_shuffle(self.unet(pixel_unshuffle(told, block), time * 1000).sample, block)
        return torch.where(condition[:, 3:4] > 0, expected[..., :height, :width], 0)


def encode_condition(fill: Tensor, hole: Tensor, disparity: Tensor, rays: Tensor, reference: Tensor) -> Tensor:
    """fill (B, 3, h, w) in -1..1, hole bool (B, h, w), disparity >= 0 (B, h, w) without holes, rays (B, 6, h, w) of
    `plucker_rays`, reference (B, 3, h, w) in -1..1 -> (B, 14, h, w).

    Disparity is taken relative to the median of what is known and squeezed to -1..1: near is 1, the median 0, sky -1.
    """
    known = torch.where(hole, torch.nan, disparity).flatten(1).nanmedian(1).values
    relative = disparity / known.nan_to_num(1.0).clamp_min(1e-12)[:, None, None]
    squeezed = (relative - 1) / (relative + 1)
    return torch.cat([fill, torch.stack([hole.float() * 2 - 1, squeezed], 1), rays, reference], 1)


def plucker_rays(pose: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int], unit: float) -> Tensor:
    """float (6, h, w): direction, of length 1, and moment of the pixels' rays, in the reference's axes.

    pose (4, 4): the camera in the reference's axes; intrinsics (4,) at `size` (w, h); unit: length of 1 in the moments,
    the median depth of the reference. Moments are squeezed to -1..1.
    """
    width, height = size
    fx, fy, cx, cy = intrinsics
    x, y = np.meshgrid((np.arange(width) + 0.5 - cx) / fx, (np.arange(height) + 0.5 - cy) / fy)
    rays = np.stack([x, y, np.ones_like(x)]) / np.sqrt(x**2 + y**2 + 1)
    directions = np.einsum("ij,jhw->ihw", pose[:3, :3], rays)
    moments = np.cross(pose[:3, 3] / unit, directions, axisb=0, axisc=0)
    return torch.from_numpy(np.concatenate([directions, np.tanh(moments)]).astype(np.float32))


def paint_from_noise(network: InPaintingNetwork, condition: Tensor, noise: Tensor, steps: int) -> Tensor:
    """The correction (B, 3, h, w) by Euler's method in so many steps from standard normal noise of the same shape."""
    noisy = noise * NOISE * (condition[:, 3:4] > 0)
    times = torch.linspace(1, 0, steps + 1)
    for time, after in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        expected = network(condition, noisy, torch.full((len(noisy),), time, device=noisy.device))
        noisy = expected + (noisy - expected) * (after / time)
    return noisy


def paint_both_ways(network: InPaintingNetwork, condition: Tensor, noise: Tensor, steps: int) -> Tensor:
    """As `paint_from_noise`: the mean over the condition and its mirror image, whose errors differ."""
    mirrored = condition.flip(3)
    mirrored[:, RAYS] *= torch.tensor(MIRRORED_RAYS, device=condition.device)[:, None, None]
    both = paint_from_noise(network, torch.cat([condition, mirrored]), noise.repeat(2, 1, 1, 1), steps)
    plain, mirrored = both.chunk(2)
    return (plain + mirrored.flip(3)) / 2


class InPainter:
    """The trained network. Made by `load`."""

    def __init__(self, network: InPaintingNetwork, device: torch.device | str = "cpu"):
        self.network = network.to(device).eval()

    @classmethod
    def load(cls, folder: Path = WEIGHTS, device: torch.device | str = "cpu") -> "InPainter":
        """Load weights saved by `training.embedded`. Raises DollygripError, kind "weights", where they are missing, and
        InputError where they are another network's."""
        try:
            if InPaintingNetwork.load_config(folder).get("_class_name") != InPaintingNetwork.__name__:
                raise InputError(
                    f"{folder} holds no weights of an in-painter.", "Name what `dollygrip train embedded` wrote."
                )
            network = InPaintingNetwork.from_pretrained(folder, torch_dtype=torch.float32)
        except OSError as error:
            raise DollygripError(
                f"The in-painter's weights in {folder} cannot be read.",
                "Install the backend again, or train some with `dollygrip train embedded`.",
                "weights",
            ) from error
        return cls(network, device)

    @torch.inference_mode()
    def paint(self, guide: FilledGuide, reference: Reference, seed: int = 0) -> Tensor:
        """The guide's picture (h, w, 3) in 0..255 with its holes painted; known pixels stay as they are.

        The network works at WORKING_SIDE; its correction to the fill is enlarged, so edges that the fill has stay as
        sharp. The same seed gives the same picture.
        """
        height, width = guide.hole.shape
        small = working_size(width, height)
        if not guide.hole.any():
            return guide.rgb

        def shrunk(values: Tensor) -> Tensor:
            return interpolate(values[None].float(), small[::-1], mode="area")

        pose = np.linalg.inv(reference.c2w) @ guide.view[0]
        lens = guide.view[1] * np.tile([small[0] / width, small[1] / height], 2)
        finite = reference.depth[np.isfinite(reference.depth)]
        unit = float(np.median(finite)) if finite.size else 1.0
        device = guide.rgb.device
        # Holes are widened to whole working pixels, so that no hole colour counts as known.
        condition = encode_condition(
            shrunk(guide.rgb.permute(2, 0, 1)) / 127.5 - 1,
            shrunk(guide.hole[None])[:, 0] > 0,
            shrunk(guide.disparity[None])[:, 0],
            plucker_rays(pose, lens, small, unit)[None].to(device),
            shrunk(torch.from_numpy(np.array(reference.shown)).to(device).permute(2, 0, 1)) / 127.5 - 1,
        )
        noise = torch.randn((1, 3, *small[::-1]), generator=torch.Generator().manual_seed(seed)).to(device)
        correction = paint_both_ways(self.network, condition, noise, STEPS) * 127.5
        correction = interpolate(correction, (height, width), mode="bicubic", align_corners=False)
        painted = guide.rgb + correction[0].permute(1, 2, 0)
        return torch.where(guide.hole[..., None], painted, guide.rgb).clamp(0, 255)


def working_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) at which the network works; never larger than the picture."""
    scale = min(1.0, WORKING_SIDE / max(width, height))
    return max(8, round(width * scale)), max(8, round(height * scale))
