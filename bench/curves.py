"""How long a dense trajectory takes to become Bézier keys, and how many keys it takes.

python bench/curves.py                      times
python bench/curves.py --table [--takes DIR] [--blender-python FILE]
                                            keys of 200 predicted takes, beside those of Blender's own Decimate
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from dollygrip.conventions import blender_from_c2w
from dollygrip.curves import evaluate, fit_channels
from dollygrip.rotations import (
    angle_between,
    continuous_quaternions,
    euler_xyz_from_matrix,
    matrix_from_euler_xyz,
    matrix_from_quaternion,
    matrix_from_rotvec,
    quaternion_from_matrix,
)
from dollygrip.splines import cubic_spline
from dollygrip.trajectory import Trajectory

ROOT = Path(__file__).parents[1]
POSITION, ANGLE = 0.002, np.radians(0.15)  # of the scene depth, and in radians
MARGINS = np.geomspace(0.02, 2.0, 14)  # of the bounds: what Decimate is tried with; the best within the bounds counts


def camera(frames: int, knots: int) -> tuple[np.ndarray, np.ndarray]:
    """A smooth camera through random poses: locations (T, 3), rotations (T, 3, 3)."""
    rng, at = np.random.default_rng(0), np.linspace(0, knots - 1, frames)
    turns = cubic_spline(rng.normal(scale=0.3, size=(knots, 3)), at)
    return cubic_spline(rng.normal(size=(knots, 3)), at), matrix_from_rotvec(turns)


def print_times() -> None:
    print("frames   random poses   keys   median processor ms of 9")
    for frames, knots in ((81, 4), (250, 8), (1_000, 10), (10_000, 40), (10_000, 120)):
        location, rotations = camera(frames, knots)
        seconds = []
        for _ in range(9):
            start = time.process_time()
            euler = euler_xyz_from_matrix(rotations)
            fitted = fit_channels(location, euler, np.full(frames, 35.0), np.zeros((frames, 2)), 1, 0.002)
            seconds.append(time.process_time() - start)
        keys = max(len(channel.frames) for channel in fitted.values())
        print(f"{frames:6}   {knots:12}   {keys:4}   {statistics.median(seconds) * 1000:24.1f}")


def ours(take: Trajectory, quaternions: bool) -> tuple[np.ndarray, float, float]:
    """Keys of every pose channel, and the largest errors in position (scene depths) and angle (radians)."""
    poses = blender_from_c2w(take.c2w)
    location, turned, frames = poses[:, :3, 3], poses[:, :3, :3], np.arange(len(take))
    rotation = continuous_quaternions(quaternion_from_matrix(turned)) if quaternions else euler_xyz_from_matrix(turned)
    still = np.zeros((len(take), 2))
    fitted = fit_channels(location, rotation, 35 + still[:, 0], still, 0, POSITION * take.scene_depth, ANGLE)
    pose = [keys for (path, _), keys in fitted.items() if path.startswith(("location", "rotation"))]
    values = np.stack([evaluate(keys, frames) for keys in pose], 1)
    return np.array([len(keys.frames) for keys in pose]), *errors(values, take)


def errors(values: np.ndarray, take: Trajectory) -> tuple[float, float]:
    """Of channels (T, 6 or 7): the largest distance in scene depths and the largest angle."""
    poses, rotation = blender_from_c2w(take.c2w), values[:, 3:]
    if rotation.shape[1] == 4:
        turned = matrix_from_quaternion(rotation / np.linalg.norm(rotation, axis=1, keepdims=True))
    else:
        turned = matrix_from_euler_xyz(rotation)
    far = np.linalg.norm(values[:, :3] - poses[:, :3, 3], axis=1).max() / take.scene_depth
    return far, angle_between(turned, poses[:, :3, :3]).max()


def decimated(takes: list[Trajectory], blender_python: Path) -> list[tuple[np.ndarray, float, float]]:
    """The same by Blender's Decimate on a key a frame: for each take the margins within the bounds with fewest keys."""
    poses = [blender_from_c2w(take.c2w) for take in takes]
    values = np.array([np.concatenate([p[:, :3, 3], euler_xyz_from_matrix(p[:, :3, :3])], 1) for p in poses])
    bounds = np.array([[POSITION * take.scene_depth, ANGLE] for take in takes])
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "given.npz", Path(folder) / "made.npz"
        np.savez(given, values=values, margins=bounds[:, None] * MARGINS[:, None])
        script = Path(__file__).with_name("decimate_in_blender.py")
        subprocess.run([blender_python, script, given, made], check=True, stdout=subprocess.DEVNULL)
        with np.load(made, allow_pickle=False) as arrays:
            fitted, counts = arrays["fitted"], arrays["counts"]
    found = []
    for take, curves, keys in zip(takes, fitted, counts, strict=True):
        off = np.array([errors(choice, take) for choice in curves])
        within = np.where(off <= [POSITION, ANGLE], np.stack([keys[:, :3].sum(1), keys[:, 3:].sum(1)], 1), 10**6)
        place, turn = within.argmin(0)
        found.append((np.concatenate([keys[place, :3], keys[turn, 3:]]), off[place, 0], off[turn, 1]))
    return found


def print_table(takes: list[Trajectory], blender_python: Path) -> None:
    euler, quaternion = ([ours(take, four) for take in takes] for four in (False, True))
    rows = {"Dollygrip, Euler": euler, "Dollygrip, quaternions": quaternion}
    rows["Blender's Decimate"] = decimated(takes, blender_python)
    moving = {four: [keys > 1 for keys, *_ in ours] for four, ours in ((6, euler), (7, quaternion))}
    title = f"Keys a moving channel, {len(takes)} predicted takes of {len(takes[0])} frames"
    columns = ("median", "mean", "90 %", "most", "all keys", "% of depth", "degrees")
    table = Table("", *columns, title=title, box=box.SIMPLE)
    for name, found in rows.items():
        moved = moving[len(found[0][0])]
        keys = np.concatenate([each[use] for (each, *_), use in zip(found, moved, strict=True)])
        far, turned = (max(each[i] for each in found) for i in (1, 2))
        numbers = f"{np.median(keys):g}", f"{keys.mean():.2f}", f"{np.quantile(keys, 0.9):g}", f"{keys.max()}"
        table.add_row(name, *numbers, f"{keys.sum()}", f"{100 * far:.3f}", f"{np.degrees(turned):.3f}")
    Console().print(table)
    pairs = zip(rows["Dollygrip, Euler"], rows["Blender's Decimate"], moving[6], strict=True)
    fewer = [np.sign(a[use].sum() - b[use].sum()) for (a, *_), (b, *_), use in pairs if use.any()]
    print(
        f"Euler against Decimate: fewer keys on {fewer.count(-1)} takes, as many on {fewer.count(0)}, more on", end=" "
    )
    print(f"{fewer.count(1)}; {len(takes) - len(fewer)} takes rest.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--takes", type=Path, default=ROOT / ".cache" / "predicted-takes")
    parser.add_argument("--blender-python", type=Path, default=ROOT / ".venv-blender" / "bin" / "python")
    options = parser.parse_args()
    if not options.table:
        print_times()
        return
    from predicted_takes import predicted_takes  # brings torch, which times do without

    print_table(predicted_takes(options.takes), options.blender_python)


if __name__ == "__main__":
    main()
