"""What every video engine shares: the shot, the engine's interface, its declared limits and the check against them.

Imports no torch: the server lists engines and checks shots in a process that never loads it.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol

import attrs
import numpy as np

from dollygrip.errors import InputError
from dollygrip.trajectory import Trajectory
from dollygrip_backend.scene import given_depth

Progress = Callable[[int, int], None]

ASPECT_TOLERANCE = 0.02
_LARGEST = 1e12  # of a camera's numbers and their inverses: products of three of them fit into single precision


@attrs.frozen(eq=False)
class Shot:
    """All that a video engine is told.

    image:      uint8 (H, W, 3) sRGB, the reference. It is centre-cropped to the trajectory's aspect.
    prompt:     what to see; engines without a text encoder ignore it.
    trajectory: poses and intrinsics of every frame, at any size of the aspect of `size`. Its meta["reference"], where
                present, is the pose and lens the reference was taken with; otherwise frame 0 is.
    size:       (width, height) of the frames to render.
    seed:       equal seeds give equal frames.
    depth:      float32 (H, W) along +Z in the trajectory's unit, aligned with `image`, inf for sky; None: estimated.
    depths:     float16 or float32 (T, h, w) of `size`, the same for every frame of a scene that is built already: its
                geometry is then kept exactly. None: only the reference's depth counts.
    """

    image: np.ndarray
    prompt: str
    trajectory: Trajectory
    size: tuple[int, int] = attrs.field(converter=lambda s: (int(s[0]), int(s[1])))
    seed: int = 0
    depth: np.ndarray | None = None
    depths: np.ndarray | None = None


@attrs.frozen
class SizeRule:
    """Legal frame sides in pixels: minimum to maximum in steps of `multiple`."""

    minimum: int
    maximum: int
    multiple: int

    def allows(self, size: tuple[int, int]) -> bool:
        """Whether both sides are legal."""
        return all(self.minimum <= side <= self.maximum and side % self.multiple == 0 for side in size)

    def nearest(self, size: tuple[int, int]) -> tuple[int, int]:
        """The legal size nearest to `size`, keeping its aspect where the rule leaves room for that."""
        long, short = max(size), min(size)
        scale = min(self.maximum / long, max(1.0, self.minimum / max(short, 1)))
        return tuple(
            int(np.clip(round(side * scale / self.multiple), -(-self.minimum // m), self.maximum // m)) * m
            for side in size
            for m in (self.multiple,)
        )


@attrs.frozen
class EngineInfo:
    """What a person needs to know before choosing an engine.

    memory_bytes: the least it needs, on the card where it needs one; download_bytes: 0 where the weights are part of
    the package. keeps_geometry: whether it can follow Shot.depths; estimates_depth: whether it needs the reference's
    depth and estimates it where none is given. `reason` says why an engine is not `available`, and
    is empty where it is.
    """

    name: str
    title: str
    licence: str
    download_bytes: int
    memory_bytes: int
    sizes: SizeRule
    max_frames: int
    needs_cuda: bool
    available: bool = True
    reason: str = ""
    keeps_geometry: bool = False
    estimates_depth: bool = False


class VideoEngine(Protocol):
    """An engine turns a shot into frames, in order, as they are made.

    A class of this form in another package becomes an engine by name through the entry point group
    `dollygrip.engines`: see docs/engines.md. Its module must not import torch at its top level.
    """

    info: EngineInfo

    @classmethod
    def missing(cls) -> str:
        """Why the engine cannot run on this computer and what to do about it, in half a sentence; empty if it can."""
        ...

    @classmethod
    def load(cls, device: str = "cpu") -> "VideoEngine":
        """The engine with its weights on a torch device."""
        ...

    def render(
        self, shot: Shot, progress: Progress | None = None, finished: Sequence[np.ndarray] = ()
    ) -> Iterator[np.ndarray]:
        """Yield the frames of a shot that follow `finished`, uint8 (h, w, 3) of shot.size.

        progress(done, total) is called between steps, in frames; what it raises ends the rendering. finished: the first
        frames of this very shot, made by a rendering that was interrupted; the rest must be what that would have made.
        Each is read from disk when it is asked for. An engine that cannot go on from them has no such parameter.
        """
        ...


def render_rest(
    engine: VideoEngine, shot: Shot, progress: Progress | None = None, finished: Sequence[np.ndarray] = ()
) -> Iterator[np.ndarray]:
    """The frames that follow `finished` by any engine: one that does not know the parameter makes all of them again."""
    if len(finished) == len(shot.trajectory):
        return iter(())
    if "finished" in inspect.signature(engine.render).parameters:
        return engine.render(shot, progress, finished=finished)
    return islice(engine.render(shot, progress), len(finished), None)


def check_shot(shot: Shot, info: EngineInfo) -> None:
    """Raise InputError, one sentence with the way out, for the first thing that the engine could not render."""
    check_form(shot, info)
    check_values(shot)


def check_form(shot: Shot, info: EngineInfo) -> None:
    """The part of `check_shot` that takes no time, however large the shot: its types, shapes, sizes and views."""
    image = shot.image
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 2:
        raise InputError(
            f"The reference image must be uint8 of shape (height, width, 3), not {image.dtype} {image.shape}.",
            "Convert it to 8-bit RGB.",
        )
    check_limits(shot.trajectory, shot.size, info)
    _check_numbers(shot.trajectory)
    if shot.depth is not None:
        given_depth.check_shape(shot.depth, image)
    if shot.depths is not None:
        _check_depths(shot, info)


def check_values(shot: Shot) -> None:
    """The rest of `check_shot`: every value of the depth, of a shot whose form is right."""
    if shot.depth is not None:
        given_depth.check_values(shot.depth)
    if shot.depths is None:
        return
    for number, depth in enumerate(shot.depths):
        given_depth.check_positive(depth, f"The depth of frame {number}")
    if shot.depth is None:
        given_depth.check_values(shot.depths[0])  # frame 0 is then what the reference shows


def check_limits(trajectory: Trajectory, size: tuple[int, int], info: EngineInfo) -> None:
    """Raise InputError where frame count, size or aspect are not ones that the engine renders."""
    if len(trajectory) > info.max_frames:
        raise InputError(
            f"The engine '{info.name}' renders at most {info.max_frames} frames, not {len(trajectory)}.",
            "Resample the trajectory or render it in parts.",
        )
    if min(size) < 1 or not info.sizes.allows(size):
        rule, near = info.sizes, info.sizes.nearest(size if min(size) > 0 else trajectory.size)
        raise InputError(
            f"The engine '{info.name}' cannot render {size[0]}x{size[1]}: sides are {rule.minimum} to {rule.maximum} "
            f"pixels in steps of {rule.multiple}.",
            f"Use {near[0]}x{near[1]}.",
        )
    wanted = trajectory.size[0] / trajectory.size[1]
    tolerance = ASPECT_TOLERANCE + info.sizes.multiple * (1 / size[0] + 1 / size[1]) / 2
    if abs(np.log(size[0] / size[1] / wanted)) > tolerance:
        near = info.sizes.nearest((size[0], max(1, round(size[0] / wanted))))
        raise InputError(
            f"The size {size[0]}x{size[1]} has another aspect than the trajectory, which was made for "
            f"{trajectory.size[0]}x{trajectory.size[1]}.",
            f"Use {near[0]}x{near[1]}.",
        )


def reference_view(trajectory: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """c2w (4, 4) and intrinsics (4,), in pixels of trajectory.size, at which the reference image was taken.

    They are meta["reference"]'s, else those of frame 0. Raises InputError where meta["reference"] is malformed.
    """
    reference = trajectory.meta.get("reference")
    if reference is None or (isinstance(reference, dict) and "c2w" not in reference):
        return trajectory.c2w[0], trajectory.intrinsics[0]
    try:
        c2w = np.asarray(reference["c2w"], float)
        intrinsics = np.asarray(reference["intrinsics"], float)
        view = Trajectory(c2w[None], intrinsics[None], trajectory.size, fps=1.0)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"The trajectory's meta 'reference' is not a pose with intrinsics: {error}",
            "Predict the camera again, or remove 'reference' from its meta.",
        ) from error
    return view.c2w[0], view.intrinsics[0]


def starts_at_reference(trajectory: Trajectory) -> bool:
    """Whether frame 0 is the view that the reference image was taken from."""
    return sees_same(reference_view(trajectory), (trajectory.c2w[0], trajectory.intrinsics[0]))


def sees_same(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether two views, c2w (4, 4) and intrinsics (4,), are the same up to rounding."""
    return np.allclose(a[0], b[0], rtol=0, atol=1e-6) and np.allclose(a[1], b[1], rtol=1e-6)


def _check_numbers(trajectory: Trajectory) -> None:
    """Raise InputError for a camera whose numbers are finite, but too large or small to be computed with."""
    c2w, intrinsics = reference_view(trajectory)
    positions = np.concatenate([trajectory.positions, c2w[None, :3, 3]])
    intrinsics = np.concatenate([trajectory.intrinsics, intrinsics[None]])
    for name, values, least in (
        ("position", positions, 0),
        ("focal length", intrinsics[:, :2], 1 / _LARGEST),
        ("lens centre", intrinsics[:, 2:], 0),
        ("scene depth", np.array([trajectory.scene_depth]), 1 / _LARGEST),
    ):
        beyond = (np.abs(values) < least) | (np.abs(values) > _LARGEST)
        if beyond.any():
            raise InputError(
                f"The camera has a {name} of {values[beyond][0]:g}, which no engine can compute with.",
                "Check the unit of its lengths, and its lens.",
            )


def _check_depths(shot: Shot, info: EngineInfo) -> None:
    depths, expected = shot.depths, (len(shot.trajectory), shot.size[1], shot.size[0])
    if not info.keeps_geometry:
        raise InputError(
            f"The engine '{info.name}' cannot follow a depth for every frame.", "Use the engine 'embedded' or none."
        )
    if depths.dtype not in (np.float16, np.float32) or depths.shape != expected:
        raise InputError(
            f"The frames' depth must be float16 or float32 of shape {expected}, not {depths.dtype} {depths.shape}.",
            "Render one depth pass for each frame, at the size of the video.",
        )
    if shot.depth is None and not starts_at_reference(shot.trajectory):
        raise InputError(
            "The shot has a depth for every frame, but none for the reference image, which is not frame 0's view.",
            "Give the reference image's depth, too.",
        )
