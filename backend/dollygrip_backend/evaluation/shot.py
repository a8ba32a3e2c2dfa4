"""The camera of a rendered shot's folder against the one that was asked for."""

import re
from pathlib import Path

import numpy as np

from dollygrip import formats, shot_record
from dollygrip.achieved import AchievedCamera
from dollygrip.errors import InputError
from dollygrip_backend.files import read_image
from dollygrip_backend.video.achieved import achieved_camera
from dollygrip_backend.video.recovery import recover


def evaluate_shot(folder: Path, camera: Path | None = None) -> AchievedCamera:
    """Recover the camera of the numbered images in a shot's folder and compare it with the one that was asked for.

    camera: the camera file; by default the *.camera.json in the folder, or in the record that `dollygrip render` keeps
    beside it. Writes `folder`/achieved.json. Raises InputError where images or camera are missing or do not belong
    together.
    """
    frames = read_shot(folder)
    requested = formats.read(camera or _only_camera(folder))
    if len(requested) != len(frames):
        raise InputError(
            f"{folder} has {len(frames)} images, its camera {len(requested)} frames.",
            "Wait until the shot is finished, or name its camera with --camera.",
        )
    height, width = frames[0].shape[:2]
    requested = requested.resized((width, height))
    achieved = achieved_camera(requested, recover(frames, requested.intrinsics))
    achieved.write(folder)
    return achieved


def read_shot(folder: Path) -> list[np.ndarray]:
    """The numbered PNG and JPEG images of a folder in order, uint8 (h, w, 3) of one size."""
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Name the folder of a rendered shot.")
    files = [file for file in folder.iterdir() if re.fullmatch(r".*\d+\.(png|jpe?g)", file.name, re.IGNORECASE)]
    frames = [read_image(file) for file in sorted(files, key=_number)]
    if len(frames) < 2:
        raise InputError(f"The folder {folder} has {len(frames)} numbered images.", "A camera needs two or more.")
    if len({frame.shape for frame in frames}) > 1:
        raise InputError(f"The images of {folder} differ in size.", "Keep one shot in a folder.")
    return frames


def _number(file: Path) -> int:
    return int(re.findall(r"\d+", file.stem)[-1])


def _only_camera(folder: Path) -> Path:
    cameras = sorted(folder.glob("*.camera.json")) or sorted(shot_record.beside(folder).glob("*.camera.json"))
    if len(cameras) != 1:
        raise InputError(f"The folder {folder} has {len(cameras)} camera files.", "Name the camera with --camera.")
    return cameras[0]
