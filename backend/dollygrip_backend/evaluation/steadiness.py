"""Whether the embedded engine's world stays the same: looked at again, across windows, and from frame to frame.

No true frames are needed for that: the references of some held-out scenes are panned away from and back, and trucked
along.
"""

import itertools

import attrs
import numpy as np
import torch
from rich.progress import track
from torch import Tensor
from torch.nn.functional import grid_sample

from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory
from dollygrip_backend.data.scenes import Scene, SceneDataset
from dollygrip_backend.evaluation.pictures import psnr
from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.scene.median import median_depth
from dollygrip_backend.video import Shot
from dollygrip_backend.video.embedded import WINDOW, EmbeddedEngine
from dollygrip_backend.video.fill import grow
from dollygrip_backend.video.guide import FilledGuide, View

PAN = 40.0  # degrees, out and back
TRUCK = 0.25  # of the scene's median depth
FRAMES = WINDOW + 25  # of a pan and of a truck: two windows
SCENES = 6  # of the held-out ones, evenly chosen: long shots take long
AROUND = 10  # frames on each side of a window's seam that it is compared with
SHOWN = 3  # pictures of each visit on the page
MARGIN = 2  # pixels at the border and around what was known that a comparison after warping leaves out


@attrs.frozen(eq=False)
class Steadiness:
    """By scene: return_psnr, dB, of the pan's second visit against its first, the median over its frames, and
    return_worst, of the frame that differs most; flicker, mean levels of 255 by which consecutive frames of the pan
    differ after warping, in what was invented and in what was known; seam, see `seam`, panning and trucking.

    pictures: uint8 (h, w, 3) by caption, of some scenes.
    """

    return_psnr: list[float]
    return_worst: list[float]
    flicker_invented: list[float]
    flicker_known: list[float]
    seam_pan: list[float]
    seam_truck: list[float]
    pictures: dict[str, dict[str, np.ndarray]]

    def lines(self) -> list[str]:
        """As text."""
        invented, known = (np.array(v) for v in (self.flicker_invented, self.flicker_known))
        return [
            f"pan right {PAN:.0f} degrees and back, {FRAMES} frames: second visit against the first "
            f"{np.median(self.return_psnr):.1f} dB, in the worst frame {min(self.return_worst):.1f}",
            f"flicker after warping: {np.nanmedian(invented):.2f} levels in what was invented, {np.median(known):.2f} "
            "in what was known (median)",
            f"a window's seam over the median difference of frames around it: {np.median(self.seam_pan):.2f} panning, "
            f"{np.median(self.seam_truck):.2f} trucking (median), at most {max(self.seam_pan + self.seam_truck):.2f}",
        ]


def steadiness(scenes: SceneDataset, engine: EmbeddedEngine) -> Steadiness:
    """Pan and truck from the references of SCENES scenes."""
    rows, pictures = [], {}
    chosen = np.unique(np.linspace(0, len(scenes) - 1, SCENES).round().astype(int))
    for index in track(chosen, "Steadiness"):
        scene = scenes[int(index)]
        camera = pan_and_back(scene)
        frames = _render(scene, camera, engine)
        last = len(frames) - 1
        back = [psnr(*_floats(frames[t], frames[last - t])) for t in range(1, len(frames) // 2)]
        invented, known = flicker(scene, camera, frames)
        seams = [seam(frames), seam(_render(scene, truck(scene), engine))]
        rows.append((float(np.median(back)), min(back), invented, known, *seams))
        shown = np.linspace(0, last // 2, SHOWN).astype(int)
        pictures[scene.name] = {f"frame {t}": frames[t] for t in (*shown, *(last - shown[::-1]))}
    return Steadiness(*(list(column) for column in zip(*rows, strict=True)), pictures)


def pan_and_back(scene: Scene, frames: int = FRAMES) -> Trajectory:
    """From view 0 to the right by PAN and back, at constant speed; an odd number of frames, the last as the first."""
    degrees = PAN * (1 - np.abs(np.linspace(-1, 1, frames)))
    turns = matrix_from_rotvec(np.radians(degrees)[:, None] * [0.0, 1.0, 0.0])
    c2w = np.tile(scene.c2w[0], (frames, 1, 1))
    c2w[:, :3, :3] = c2w[:, :3, :3] @ turns
    return _camera(scene, c2w)


def truck(scene: Scene, frames: int = FRAMES) -> Trajectory:
    """From view 0 to the right at constant speed."""
    c2w = np.tile(scene.c2w[0], (frames, 1, 1))
    c2w[:, :3, 3] += np.linspace(0, TRUCK * _depth(scene), frames)[:, None] * scene.c2w[0, :3, 0]
    return _camera(scene, c2w)


def seam(frames: list[np.ndarray]) -> float:
    """The mean difference across the first window's end over the median of those between the frames around it."""
    differences = np.array([np.abs(a.astype(float) - b).mean() for a, b in itertools.pairwise(frames)])
    around = [t for t in range(WINDOW - 1 - AROUND, WINDOW + AROUND) if t != WINDOW - 1 and 0 <= t < len(differences)]
    return float(differences[WINDOW - 1] / np.median(differences[around]))


def flicker(scene: Scene, camera: Trajectory, frames: list[np.ndarray]) -> tuple[float, float]:
    """Mean levels by which frames of a pan differ from the next, warped; where the reference knows nothing, and where
    it knows. NaN where there is nothing of the kind."""
    cache = SceneCache.from_view(scene.rgb[0], scene.depth[0], scene.c2w[0], scene.intrinsics[0])
    sums, counts = np.zeros(2), np.zeros(2)
    views = list(zip(camera.c2w, camera.intrinsics, strict=True))
    for t in range(1, len(frames) // 2, 4):
        warped, inside = turned(frames[t + 1], views[t + 1], views[t])
        guide = FilledGuide.seen(cache, views[t], scene.size)
        difference = (warped - torch.from_numpy(frames[t])).abs().mean(-1)
        for which, where in enumerate((guide.uncovered(), ~guide.hole)):
            where = inside & ~grow(~where, MARGIN)
            sums[which] += float(difference[where].sum())
            counts[which] += int(where.sum())
    return tuple(float(s / c) if c else float("nan") for s, c in zip(sums, counts, strict=True))


def turned(frame: np.ndarray, view: View, target: View) -> tuple[Tensor, Tensor]:
    """A frame uint8 (h, w, 3) of one view as another view from the same place sees it, and where it does, (h, w)."""
    height, width = frame.shape[:2]
    y, x = np.mgrid[0:height, 0:width] + 0.5
    (c2w, (fx, fy, cx, cy)), (other, lens) = view, target
    rays = np.stack([(x - lens[2]) / lens[0], (y - lens[3]) / lens[1], np.ones_like(x)], -1)
    rays = rays @ (c2w[:3, :3].T @ other[:3, :3]).T
    there = np.stack([fx * rays[..., 0] / rays[..., 2] + cx, fy * rays[..., 1] / rays[..., 2] + cy], -1)
    grid = torch.from_numpy(there / [width, height] * 2 - 1).float()[None]
    source = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    warped = grid_sample(source, grid, align_corners=False, padding_mode="border")[0].permute(1, 2, 0)
    inside = (there >= MARGIN).all(-1) & (there <= np.array([width, height]) - MARGIN).all(-1)
    return warped, torch.from_numpy(inside & (rays[..., 2] > 0))


def _render(scene: Scene, camera: Trajectory, engine: EmbeddedEngine) -> list[np.ndarray]:
    return list(engine.render(Shot(scene.rgb[0], "", camera, scene.size, 0, scene.depth[0])))


def _camera(scene: Scene, c2w: np.ndarray) -> Trajectory:
    lens = np.tile(scene.intrinsics[0], (len(c2w), 1))
    return Trajectory(c2w, lens, scene.size, 24.0, _depth(scene))


def _depth(scene: Scene) -> float:
    return median_depth(scene.depth[0])


def _floats(*frames: np.ndarray) -> list[Tensor]:
    return [torch.from_numpy(frame).float() for frame in frames]
