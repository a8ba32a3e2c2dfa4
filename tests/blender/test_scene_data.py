"""The scene script in its own Blender process: is the depth exact, do the views agree with the cameras?"""

import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    bpy.app.version < (5, 0, 0),
    reason="training scenes are made with the newer bpy: their script uses media_type of 5.0",
)

SCRIPTS = Path(__file__).parents[2] / "backend" / "dollygrip_backend" / "data" / "blender"

# A floor at z = 0 and a red cube, seen from a known camera.
PLANE = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import bpy, render_scenes
from mathutils import Euler, Matrix, Vector
from pathlib import Path
from stage import Stage

render_scenes.prepare()
stage = Stage(np.random.default_rng(0))
stage.put("plane", (0, 0, 0), (500, 500, 1))
stage.put("cube", (0.5, 4, 0.5), 1.0)
stage.sky(outdoors=True)
render = bpy.context.scene.render
render.resolution_x, render.resolution_y = 80, 60
bpy.context.scene.camera.data.lens = 24
camera = Matrix.LocRotScale(Vector((0.3, -2, 1.5)), Euler((1.25, 0.1, 0.2)), None)
shot = render_scenes.shoot(camera, Path(sys.argv[2]) / "shot.exr")
np.savez(Path(sys.argv[2]) / "shot.npz", matrix_world=np.array(camera), **shot)
"""


def rays(size: tuple[int, int], lens: float, sensor: float) -> np.ndarray:
    """(H, W, 3) rays through pixel centres in Blender's camera axes, at unit distance along the view axis."""
    width, height = size
    focal = lens / sensor * max(size)
    x, y = np.meshgrid((np.arange(width) + 0.5 - width / 2) / focal, (height / 2 - np.arange(height) - 0.5) / focal)
    return np.stack([x, y, -np.ones_like(x)], -1)


def run(*command: object) -> None:
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_depth_is_the_distance_along_the_axis_through_pixel_centres(tmp_path):
    run("-c", PLANE, SCRIPTS, tmp_path)
    shot = np.load(tmp_path / "shot.npz", allow_pickle=False)
    matrix, depth = shot["matrix_world"], shot["depth"]
    direction = rays((80, 60), 24, 36) @ matrix[:3, :3].T  # one unit of depth in the world, for each pixel
    origin = matrix[:3, 3]

    with np.errstate(divide="ignore"):
        floor = np.where(direction[..., 2] < 0, -origin[2] / direction[..., 2], np.inf)
    within = np.abs(origin[:2] + floor[..., None] * direction[..., :2]).max(-1) < 250
    enter, leave = np.sort([(bound - origin) / direction for bound in ((0, 3.5, 0), (1, 4.5, 1))], axis=0)
    hit = enter.max(-1) < leave.min(-1)
    expected = np.where(hit, enter.max(-1), np.where(within, floor, np.inf))

    assert hit.sum() > 100 and np.isinf(expected).sum() > 100
    border = np.abs(enter.max(-1) - leave.min(-1)) < 0.05  # the cube's silhouette may fall to either side
    # The sample lies within 0.005 pixels of the centre: near the horizon that is felt in the depth of the floor.
    pixel = np.linalg.norm(np.gradient(np.where(np.isfinite(expected), expected, 1e3)), axis=0)
    sky = np.isinf(expected)
    with np.errstate(invalid="ignore"):
        agree = (np.abs(depth - expected) < 1e-5 * expected + 0.01 * pixel) | (np.isinf(depth) & sky)
    assert agree[~border].mean() > 0.998


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    run(SCRIPTS / "render_scenes.py", folder, 5, 3, "common", 160, 2)
    with np.load(folder / "2.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def test_the_views_of_a_scene_agree_in_space(scene):
    """A point that one view sees lies, in another view, on the surface seen there or behind it; never in front."""
    _, height, width = scene["depth"].shape
    directions = rays((width, height), float(scene["lens"]), float(scene["sensor"]))
    focal = scene["lens"] / scene["sensor"] * max(width, height)
    same = in_front = total = 0
    for i, j in ((0, 1), (1, 0), (0, 2), (2, 1)):
        depth = scene["depth"][i]
        local = (directions * np.where(np.isfinite(depth), depth, 0)[..., None])[np.isfinite(depth)]
        world = local @ scene["matrix_world"][i][:3, :3].T + scene["matrix_world"][i][:3, 3]
        there = (world - scene["matrix_world"][j][:3, 3]) @ scene["matrix_world"][j][:3, :3]
        z = -there[:, 2]
        x = np.floor(there[:, 0] / z * focal + width / 2).astype(int)
        y = np.floor(height / 2 - there[:, 1] / z * focal).astype(int)
        inside = (z > 0.05) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
        seen = scene["depth"][j][y[inside], x[inside]]
        # The point falls anywhere within its pixel there: a slope or an edge may differ by a few per cent.
        same += int((np.abs(seen / z[inside] - 1) < 0.03).sum())
        in_front += int((seen > 1.1 * z[inside]).sum())
        total += int(inside.sum())
    assert total > 0.3 * 4 * height * width
    assert same > 0.7 * total
    assert in_front < 0.03 * total


def test_a_camera_moves_on_a_smooth_path_through_lit_textured_space(scene):
    positions = scene["matrix_world"][:, :3, 3]
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    middle = np.median(scene["depth"][0][np.isfinite(scene["depth"][0])])
    assert 0.02 * middle < steps.sum() < 1.5 * middle
    assert scene["depth"].min() > 0.02 * middle
    assert scene["rgb"].astype(np.float32).std() > 0.01  # half floats cannot count so many pixels


def test_the_same_seed_and_index_give_the_same_scene(scene, tmp_path):
    run(SCRIPTS / "render_scenes.py", tmp_path, 5, 3, "common", 160, 2)
    again = np.load(tmp_path / "2.npz", allow_pickle=False)
    np.testing.assert_array_equal(again["matrix_world"], scene["matrix_world"])
    np.testing.assert_array_equal(again["depth"], scene["depth"])


def test_a_scene_is_lit_alike_whatever_its_process_rendered_before(tmp_path):
    """Things to the bit; colours but for the noise of few pixels, which Cycles' order in memory decides."""
    run(SCRIPTS / "render_scenes.py", tmp_path, 918, 2, "things", 160, 10, 11)
    after = dict(np.load(tmp_path / "11.npz", allow_pickle=False))
    run(SCRIPTS / "render_scenes.py", tmp_path, 918, 2, "things", 160, 11)
    alone = np.load(tmp_path / "11.npz", allow_pickle=False)
    for exact in ("depth", "index"):
        np.testing.assert_array_equal(after[exact], alone[exact])
    assert (after["rgb"] == alone["rgb"]).mean() > 0.95


def test_a_larger_size_shows_the_same_framings(scene, tmp_path):
    run(SCRIPTS / "render_scenes.py", tmp_path, 5, 3, "common", 320, 2)
    larger = np.load(tmp_path / "2.npz", allow_pickle=False)
    np.testing.assert_array_equal(larger["matrix_world"], scene["matrix_world"])
    assert larger["depth"].shape[1:] == tuple(2 * side for side in scene["depth"].shape[1:])
    nearer, farther = (scene["depth"] * share for share in (0.97, 1.03))
    halved = larger["depth"][:, ::2, ::2]
    assert ((halved >= nearer) & (halved <= farther)).mean() > 0.8


# Each kind alone: a place of its own, until a camera finds a clear path.
EVERY_KIND = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import render_scenes
from kinds import MIXES
from pathlib import Path

render_scenes.prepare()
for name, mix in MIXES.items():
    assert abs(sum(mix.kinds.values()) - 1) < 1e-9
    for kind in mix.kinds if name != "things" else ():
        alone = mix._replace(kinds={kind: 1.0})
        render_scenes.render_scene(Path(sys.argv[2]) / f"{kind.__name__}.npz", np.random.default_rng(3), 2, alone, 160)
"""


def test_every_kind_of_place_has_things_near_and_far_and_tells_their_names(tmp_path):
    run("-c", EVERY_KIND, SCRIPTS, tmp_path)
    scenes = {path.stem: np.load(path, allow_pickle=False) for path in tmp_path.glob("*.npz")}
    assert len(scenes) == 10
    for kind, scene in scenes.items():
        near, far = np.quantile(scene["depth"][np.isfinite(scene["depth"])], (0.1, 0.9))
        assert str(scene["kind"]) == kind and far > 1.3 * near > 0
        assert len(np.unique(scene["index"])) > 2 and scene["index"].max() < len(scene["names"])
    said = {kind: set(scene["names"].tolist()) for kind, scene in scenes.items()}
    assert "column" in said["hall"] and "canopy" in said["court"] and "tree" in said["wood"]


# Every thing alone: the lowest and the highest point, and how far it reaches to its sides.
EVERY_THING = """
import sys
sys.path.insert(0, sys.argv[1])
import bpy
import numpy as np
import render_scenes
from catalogue import CATALOGUE
from mathutils import Matrix
from stage import Stage
from things import build

render_scenes.prepare()
rows = []
for name in CATALOGUE:
    stage = Stage(np.random.default_rng(0))
    build(stage, name, Matrix(), stage.materials.clear())
    bpy.context.view_layer.update()
    objects = [thing for thing in bpy.context.scene.objects if thing.type == "MESH"]
    points = np.array([tuple(thing.matrix_world @ v.co) for thing in objects for v in thing.data.vertices])
    rows.append([points[:, 2].min(), points[:, 2].max(), np.abs(points[:, :2]).max()])
np.savez(sys.argv[2], names=list(CATALOGUE), reach=rows)
"""


def test_every_thing_stands_on_the_ground_and_is_as_high_as_is_said(tmp_path):
    run("-c", EVERY_THING, SCRIPTS, tmp_path / "things.npz")
    things = np.load(tmp_path / "things.npz", allow_pickle=False)
    assert len(things["names"]) == len(set(things["names"])) > 100
    for name, (low, high, aside) in zip(things["names"], things["reach"], strict=True):
        assert -0.12 < low < 0.16 and 0.7 < high < 1.35 and 0.05 < aside < 3, (name, low, high, aside)


def test_scenes_full_of_things_show_many_of_them(tmp_path):
    run(SCRIPTS / "render_scenes.py", tmp_path, 5, 2, "things", 160, 2, 3, 4, 5)
    seen = set()
    for path in tmp_path.glob("*.npz"):
        scene = np.load(path, allow_pickle=False)
        seen |= set(scene["names"][np.unique(scene["index"][0])].tolist())
    assert len(seen) > 15
