"""The scene data set: one npz per scene, the views of one smooth camera path through one place.

Keys: rgb uint8 (V, H, W, 3); depth (V, H, W) metres along +Z, inf in the sky; c2w float64 (V, 4, 4), OpenCV axes;
intrinsics float64 (V, 4) [fx, fy, cx, cy] in pixels. View 0 is the reference. Optional: kind, a word such as "street";
the named objects that the views show, row by row in object_words (N, 2) name and colour, and object_numbers float64
(N, 5) [view, x, y, depth, share], as in `data.objects.SceneObject`.
"""

import zipfile
import zlib
from pathlib import Path

import attrs
import numpy as np

from dollygrip.errors import InputError
from dollygrip.whole import whole
from dollygrip_backend.data.objects import SceneObject

MAX_VIEWS, MAX_SIDE = 64, 1024
MAKE_SCENES = "Render some: dollygrip data scenes --out FOLDER."


@attrs.frozen(eq=False)
class Scene:
    """One scene; see the module's text for shapes and units. depth is float32; objects of all views, by view."""

    name: str
    rgb: np.ndarray
    depth: np.ndarray
    c2w: np.ndarray
    intrinsics: np.ndarray
    kind: str = ""
    objects: tuple[SceneObject, ...] = ()

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

    def objects_in(self, view: int) -> list[SceneObject]:
        """The named objects that a view shows, largest first."""
        return [o for o in self.objects if o.view == view]

    def position(self, item: SceneObject) -> np.ndarray:
        """(3,) in the scene's metres: the visible surface point in the middle of an object."""
        (width, height), (fx, fy, cx, cy) = self.size, self.intrinsics[item.view]
        ray = np.array([(item.x * width - cx) / fx, (item.y * height - cy) / fy, 1.0])
        c2w = self.c2w[item.view]
        return c2w[:3, :3] @ (ray * item.depth) + c2w[:3, 3]


class SceneDataset:
    """The scenes of a folder, by index. Raises InputError for a folder without scenes or a file that is not a scene."""

    def __init__(self, folder: Path):
        self.paths = sorted(Path(folder).glob("*.npz"))
        if not self.paths:
            raise InputError(f"There are no scenes in {folder}.", MAKE_SCENES)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def contents(self) -> list[tuple[str, int]]:
        """Name and size in bytes of every file: what tells one data set from another without reading it."""
        return [(path.name, path.stat().st_size) for path in self.paths]

    def __getitem__(self, index: int) -> Scene:
        return load_scene(self.paths[index])


def load_scene(path: Path) -> Scene:
    """Reads and checks one scene file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in ("rgb", "depth", "c2w", "intrinsics")}
            kind = str(file["kind"]) if "kind" in file else ""
            objects = _objects(file["object_words"], file["object_numbers"]) if "object_words" in file else ()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
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
    arrays["depth"] = arrays["depth"].astype(np.float32)
    if not (arrays["depth"] > 0).all():
        raise InputError(f"{path}: a depth is zero, negative or not a number.", "Delete it and render it again.")
    return Scene(name=path.stem, kind=kind, objects=objects, **arrays)


def save_scene(path: Path, scene: Scene) -> None:
    """Writes a scene so that the file appears only when it is whole. Depth is stored as float16 (0.05 % steps)."""
    with whole(path) as part, part.open("wb") as file:
        np.savez_compressed(
            file,
            rgb=scene.rgb,
            depth=scene.depth.astype(np.float16),
            c2w=scene.c2w,
            intrinsics=scene.intrinsics,
            kind=scene.kind,
            object_words=np.array([(o.name, o.colour) for o in scene.objects], str).reshape(-1, 2),
            object_numbers=np.array([(o.view, o.x, o.y, o.depth, o.share) for o in scene.objects]).reshape(-1, 5),
        )


def _objects(words: np.ndarray, numbers: np.ndarray) -> tuple[SceneObject, ...]:
    """The rows of a file. Raises ValueError where the two do not fit together."""
    if words.shape != (len(words), 2) or numbers.shape != (len(words), 5):
        raise ValueError(f"object_words {words.shape} and object_numbers {numbers.shape} do not agree")
    rows = zip(words.tolist(), numbers.tolist(), strict=True)
    return tuple(SceneObject(int(view), *text, *place) for text, (view, *place) in rows)
