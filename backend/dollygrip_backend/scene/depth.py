"""Depth and field of view from a single image."""

from pathlib import Path
from typing import Self

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dollygrip.errors import InputError
from dollygrip_backend.scene.depth_network import STRIDE, DepthNetwork
from dollygrip_backend.scene.faces import FaceDetector
from dollygrip_backend.scene.hidden_faces import bodies_among
from dollygrip_backend.scene.outlines import aligned, snapped
from dollygrip_backend.scene.silhouettes import SilhouetteNetwork
from dollygrip_backend.scene.smoothing import smoothed
from dollygrip_backend.scene.things import ThingDetector

WEIGHTS = Path(__file__).parents[1] / "weights" / "depth"
_AREA = 160 * 96  # pixels the network was trained at
_SCALES = (0.8, 1, 1, 1.25)  # of that size's sides: at several, the errors of the looks are less alike
FARTHEST = 20.0  # median depths: no surface is put farther away
_DETAIL = 768  # longest side at which edges are aligned; larger images are interpolated from there


@attrs.frozen(eq=False)
class DepthEstimate:
    """depth: float32 (H, W), metres along +Z, inf for sky, finite somewhere; view_degrees: horizontal field of view."""

    depth: np.ndarray
    view_degrees: float


class DepthEstimator:
    """The network with what it needs around it. Make one with `load` and keep it."""

    name = "embedded"

    def __init__(self, network: DepthNetwork, faces: FaceDetector, things: ThingDetector, device: str = "cpu"):
        self.network = network.to(device).float().eval()
        self.faces, self.things = faces.to(device), things
        self.device = device

    @classmethod
    def load(cls, device: str = "cpu", weights: Path = WEIGHTS) -> Self:
        """The network from `weights`, a folder in diffusers' layout."""
        network = DepthNetwork.from_pretrained(weights, local_files_only=True)
        return cls(network, FaceDetector.load(device), ThingDetector.load(device), device)

    @torch.inference_mode()
    def estimate(self, image: np.ndarray) -> DepthEstimate:
        """uint8 (H, W, 3) sRGB, at least 16 pixels a side -> depth aligned with it, edges where the image has them.

        Surfaces lie at most 20 median depths away. Raises InputError for another shape or dtype.
        """
        pixels = torch.from_numpy(np.array(checked(image))).to(self.device).permute(2, 0, 1)[None].float() / 255
        size = network_size(pixels.shape[3], pixels.shape[2])
        picture = _resized(pixels, size)
        log_depth, sky, log_focal = self._looks(pixels, size)
        ground = _surfaces(log_depth, sky)
        log_depth = smoothed(log_depth, ground, picture[0])
        faces, things = self.faces.find(image), self.things.find(image)
        if faces or bodies_among(things):
            from dollygrip_backend.scene.cutting import cut_out  # OpenCV takes its time to load
            from dollygrip_backend.scene.figures import standing

            silhouettes = SilhouetteNetwork.load(str(self.device))
            log_depth, ground = standing(log_depth, ground, cut_out(image, faces, things, silhouettes.likely))
        far = log_depth[ground].median() + float(np.log(FARTHEST))
        log_depth = snapped(torch.where(ground, log_depth, far).minimum(far)[None], 2)[0]
        detailed = _resized(pixels, _fitted(pixels.shape[3], pixels.shape[2], _DETAIL))
        both = torch.stack(aligned(log_depth, ground, picture, detailed))
        log_depth, share = functional.interpolate(both[None], pixels.shape[2:], mode="bilinear")[0]
        depth = torch.where(share < share.max().clamp_max(0.5), torch.inf, log_depth.exp())
        view = 2 * np.degrees(np.arctan(0.5 / np.exp(float(log_focal))))
        return DepthEstimate(depth.cpu().numpy(), float(view))

    def _looks(self, pixels: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """Log depth and sky logits (h, w) of this size: the mean over looks at several sizes, every second one at the
        mirror image; of depth by how surely each sees a surface, for of the sky it says anything. Log focal: the mean
        over looks at the size the network was trained at, as others mislead it."""
        planes, focals = [], []
        for number, scale in enumerate(_SCALES):
            picture = _resized(pixels, network_size(pixels.shape[3], pixels.shape[2], scale))
            log_depth, sky, log_focal = self.network(picture if number % 2 else picture.flip(3))
            surface = torch.sigmoid(-sky).clamp_min(1e-4)
            seen = torch.stack([surface * log_depth, surface, sky], 1)
            planes.append(_resized(seen if number % 2 else seen.flip(3), size))
            focals += [log_focal] if scale == 1 else []
        log_depth, surface, sky = torch.cat(planes).mean(0)
        return log_depth / surface, sky, torch.cat(focals).mean()


def _surfaces(log_depth: Tensor, sky: Tensor) -> Tensor:
    """bool (h, w), True somewhere: what to keep as a surface, by its log depth and the log odds that it is sky.

    A surface that is taken for sky counts as if it stood at the farthest depth, which is the worse the nearer it is;
    sky that is taken for a surface counts as one. So the odds have to be higher than farthest over estimated depth.
    """
    likely = sky < 0 if (sky < 0).any() else sky == sky.min()
    farthest = log_depth[likely].median() + float(np.log(FARTHEST))
    return likely | (sky < farthest - log_depth)


def checked(image: np.ndarray) -> np.ndarray:
    """The image itself. Raises InputError unless it is uint8 (H, W, 3) with at least 16 pixels a side."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(f"Depth needs a uint8 RGB image (H, W, 3), not {image.dtype} {image.shape}.")
    if min(image.shape[:2]) < 16:
        raise InputError(f"An image of {image.shape[1]}x{image.shape[0]} pixels is too small to see depth in.")
    return image


def network_size(width: int, height: int, scale: float = 1.0) -> tuple[int, int]:
    """(width, height) for the network: `scale` times the size it was trained at in the image's aspect, by STRIDE."""
    aspect = np.clip(width / height, 0.4, 2.5)
    ideal = scale * np.sqrt(_AREA * aspect), scale * np.sqrt(_AREA / aspect)
    return tuple(max(1, round(side / STRIDE)) * STRIDE for side in ideal)


def _fitted(width: int, height: int, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, 3, H, W) -> (1, 3, size[1], size[0]), anti-aliased."""
    return functional.interpolate(pixels, size[::-1], mode="bilinear", antialias=True)
