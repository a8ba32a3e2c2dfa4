"""The provenance of a rendered shot: a folder with all that it takes to render its frames again.

Bit for bit on the same computer, with as many threads; elsewhere a few pixels are summed in another order.

    shot.json          {"format": "dollygrip-shot", "version": 1, "dollygrip": "0.1.0", "prompt": "…", "engine": "…",
                        "size": [512, 288], "seed": 0, "sha256": {"image": "…", "c2w": "…", "intrinsics": "…"}}
    shot.camera.json   the camera of every frame; its meta has the pose of the reference
    reference.png      the reference image's own pixels
    depth.npy          its exact depth, where that was given; so with whatever else the engine was given

Blender keeps it with a shot's frames; the command line beside its output, `clip.mp4` or `clip`, in `clip.mp4.shot` or
`clip.shot`.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import cattrs
import numpy as np

import dollygrip
from dollygrip import formats
from dollygrip.errors import DollygripError, InputError
from dollygrip.npy import load_array
from dollygrip.protocol import RenderRequest
from dollygrip.trajectory import Trajectory
from dollygrip.whole import whole

RECORD, CAMERA, IMAGE = "shot.json", "shot.camera.json", "reference.png"
_ELSEWHERE = {"image", "c2w", "intrinsics"}  # arrays that these files hold
_NAME = re.compile(r"[a-z_]{1,40}")
_HEAD = {"format": "dollygrip-shot", "version": 1}
_MAX_BYTES = 1 << 20


@attrs.frozen(kw_only=True)
class ShotRecord:
    """What was asked for, engine and size resolved. sha256: of the bytes of every array that went with it.

    depth_estimator: what estimated the reference's depth where none was given; "" where nothing did, or not yet.
    """

    prompt: str
    engine: str
    size: tuple[int, int]
    seed: int
    sha256: dict[str, str]
    dollygrip: str = dollygrip.__version__
    depth_estimator: str = ""

    def arrays(self, folder: Path, trajectory: Trajectory, image: np.ndarray) -> dict[str, np.ndarray]:
        """Everything that the engine was given; raises InputError for what is gone or not what was rendered."""
        found = {"image": image, "c2w": trajectory.c2w, "intrinsics": trajectory.intrinsics}
        for name in filter(_NAME.fullmatch, self.sha256.keys() - _ELSEWHERE):
            try:
                found[name] = load_array(folder / f"{name}.npy")
            except (OSError, ValueError) as error:
                raise InputError(
                    f"The shot's {folder / name}.npy cannot be read.", "Render it as a new shot."
                ) from error
        self._check(found)
        return found

    def _check(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name in sorted({*self.sha256, *arrays}):
            if name not in arrays or self.sha256.get(name) != _sha256(arrays[name]):
                raise InputError(
                    f"The shot's {name} is not what was rendered.", "Its files were changed: render it as a new shot."
                )


def folder_of(path: Path) -> Path:
    """Where the record of a shot is: `path` holds it, is the record itself, or the output that it lies beside."""
    if path.name == RECORD:
        return path.parent
    return path if (path / RECORD).is_file() else beside(path)


def beside(output: Path) -> Path:
    """The folder for the record of a video, or of a folder of frames; raises InputError for the root of all."""
    output = output.resolve()  # "." has no name of its own
    if not output.name:
        raise InputError(f"Nothing can lie beside {output}, as the record of a shot must.", "Name a folder in it.")
    return output.with_name(f"{output.name}.shot")


def frames_of(folder: Path) -> int:
    """How many frames the shot has whose record is in a folder; 0 where none is that can be read."""
    try:
        read(folder)
        return len(formats.read(folder / CAMERA))
    except DollygripError:
        return 0


def keep(
    folder: Path,
    request: RenderRequest,
    trajectory: Trajectory,
    arrays: Mapping[str, np.ndarray],
    write_image: Callable[[Path, np.ndarray], object],
) -> None:
    """Write the record of a request, whose engine and size are resolved, into `folder`.

    arrays: image uint8 (H, W, 3), c2w and intrinsics of the trajectory, and the others of RenderRequest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    formats.write(folder / CAMERA, trajectory)
    write_image(folder / IMAGE, arrays["image"])
    for name in arrays.keys() - _ELSEWHERE:
        np.save(folder / f"{name}.npy", arrays[name], allow_pickle=False)
    record = ShotRecord(
        prompt=request.prompt,
        engine=request.engine,
        size=request.size,
        seed=request.seed,
        sha256={name: _sha256(array) for name, array in arrays.items()},
    )
    _write(folder, record)


def note_depth_estimator(folder: Path, name: str) -> None:
    """Add to a record what estimated the depth, which is known when the shot is rendered."""
    _write(folder, attrs.evolve(read(folder), depth_estimator=name))


def _write(folder: Path, record: ShotRecord) -> None:
    with whole(folder / RECORD) as part:
        part.write_text(json.dumps(_HEAD | attrs.asdict(record), indent=1) + "\n", "utf-8")


def read(folder: Path) -> ShotRecord:
    """The record in a folder; raises InputError where there is none, or it is no such record."""
    path = folder / RECORD
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is too large for the record of a shot.", "Choose the folder of a rendered shot.")
        data = json.loads(path.read_text("utf-8"))
        if not isinstance(data, dict) or any(data.get(key) != value for key, value in _HEAD.items()):
            raise InputError(f"{path} is no record of a shot that this version reads.", "Update Dollygrip.")
        return cattrs.structure({key: value for key, value in data.items() if key not in _HEAD}, ShotRecord)
    except OSError as error:
        raise InputError(f"{folder} holds no {RECORD}.", "Choose the folder of a rendered shot.") from error
    except (ValueError, RecursionError, cattrs.BaseValidationError) as error:
        raise InputError(f"{path} cannot be read as the record of a shot.", "Render the shot anew.") from error


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
