"""The scene data set: one npz per scene, the views of one smooth camera path through one place.

Keys: rgb uint8 (V, H, W, 3); depth (V, H, W) metres along +Z, inf in the sky; c2w float64 (V, 4, 4), OpenCV axes;
intrinsics float64 (V, 4) [fx, fy, cx, cy] in pixels. View 0 is the reference.
"""

from pathlib import Path

import attrs
import numpy as np

from dollygrip.errors import InputError

MAX_VIEWS, MAX_SIDE = 64, 1024


@attrs.frozen(eq=False)
class Scene:
    """One scene; see the module's text for shapes and units. depth is float32."""

    name: str
    rgb: np.ndarray
    depth: np.ndarray
    c2w: np.ndarray
    intrinsics: np.ndarray

    def __len__(self) -> int:
        return len(self.rgb)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.rgb.shape[2], self.rgb.shape[1]

    @property
    def view_degrees(self) -> float:
        """Horizontal field of view of the reference view."""
        return float(2 * np.degrees(np.arctan(self.size[0] / 2 / self.intrinsics[0, 0])))


class SceneDataset:
    """The scenes of a folder, by index. Raises InputError for a folder without scenes or a file that is not a scene."""

    def __init__(self, folder: Path):
        self.paths = sorted(Path(folder).glob("*.npz"))
        if not self.paths:
            raise InputError(
                f"There are no scenes in {folder}.", "Render some with dollygrip_backend.data.render.render_scenes."
            )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Scene:
        return load_scene(self.paths[index])


def load_scene(path: Path) -> Scene:
    """Reads and checks one scene file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in ("rgb", "depth", "c2w", "intrinsics")}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is not a scene file: {error}", "Delete it and render it again.") from error
    views, height, width = arrays["rgb"].shape[:3]
    expected = {
        "rgb": (views, height, width, 3),
        "depth": (views, height, width),
        "c2w": (views, 4, 4),
        "intrinsics": (views, 4),
    }
    for key, shape in expected.items():
        if arrays[key].shape != shape:
            raise InputError(f"{path}: {key} has the shape {arrays[key].shape}, not {shape}.")
    if not (1 <= views <= MAX_VIEWS and max(width, height) <= MAX_SIDE):
        raise InputError(f"{path}: {views} views of {width}x{height} are more than {MAX_VIEWS} of {MAX_SIDE}.")
    return Scene(name=path.stem, **{**arrays, "depth": arrays["depth"].astype(np.float32)})


def save_scene(path: Path, scene: Scene) -> None:
    """Writes a scene so that the file appears only when it is whole. Depth is stored as float16 (0.05 % steps)."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file,
            rgb=scene.rgb,
            depth=scene.depth.astype(np.float16),
            c2w=scene.c2w,
            intrinsics=scene.intrinsics,
        )
    partial.replace(path)
