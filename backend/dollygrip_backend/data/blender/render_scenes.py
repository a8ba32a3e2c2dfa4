"""Renders procedural scenes with Cycles. Runs inside Blender's own Python (bpy), started by data/render.py.

    python render_scenes.py OUT_FOLDER SEED VIEWS MIX LONG_SIDE INDEX [INDEX...]

Writes OUT_FOLDER/INDEX.npz for each index, in Blender's terms (matrix_world, lens), and prints "done INDEX" for each.
MIX is a key of kinds.MIXES, LONG_SIDE pixels. The same seed, mix and index give the same scene, whatever else the
process renders, and the same framings at any size; the noise of single pixels may differ, for Cycles orders what a ray
meets by its place in memory.
"""

import sys
from pathlib import Path

import bpy
import numpy as np
from exr import read_float_exr
from kinds import MIXES, Mix
from paths import RejectedError, look_at, median_depth, smooth_path
from stage import Stage
from things import strew

ASPECT = 5 / 3
SAMPLES, BOUNCES = 5, 2
PORTRAIT_SHARE = 0.2
DARKEST = 1e-3  # mean of the linear reference view: a lens inside the crown of a tree sees nothing
SENSOR = 36.0  # millimetres along the long side


def main(arguments: list[str]) -> None:
    out, seed, views = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    mix, long_side = MIXES[arguments[3]], int(arguments[4])
    prepare()
    for index in map(int, arguments[5:]):
        render_scene(out / f"{index}.npz", np.random.default_rng([seed, index]), views, mix, long_side)
        print(f"done {index}", flush=True)


def prepare() -> None:
    """An empty file set up for fast renders of float passes on one thread."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("world")
    scene.world.use_nodes = True
    scene.world.cycles.sampling_method, scene.world.cycles.sample_map_resolution = "MANUAL", 64
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.camera.data.clip_end = 1e5
    scene.camera.data.sensor_width = SENSOR
    scene.collection.objects.link(scene.camera)
    render, cycles, layer = scene.render, scene.cycles, scene.view_layers[0]
    render.engine, cycles.device = "CYCLES", "CPU"
    render.threads_mode, render.threads = "FIXED", 1
    render.use_compositing = render.use_sequencer = False
    cycles.use_adaptive_sampling = cycles.use_denoising = False
    cycles.diffuse_bounces, cycles.glossy_bounces = BOUNCES, 1
    cycles.use_light_tree = False  # few lamps: the tree costs more than it saves
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 4.0
    layer.use_pass_object_index = layer.use_pass_z = layer.use_pass_normal = layer.use_pass_diffuse_color = True
    settings = render.image_settings
    settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR_MULTILAYER", "32", "NONE"
    settings.use_exr_interleave = True  # one part with all channels, not one part per pass


def render_scene(path: Path, rng: np.random.Generator, views: int, mix: Mix, long_side: int) -> None:
    """Builds one scene, draws framings until one allows a clear path, renders it and writes the npz."""
    portrait = rng.uniform() < PORTRAIT_SHARE
    sides = long_side, round(long_side / ASPECT)
    width, height = reversed(sides) if portrait else sides
    view_degrees = rng.uniform(38, 85)  # over the long side
    half = np.tan(np.radians(view_degrees) / 2)
    tangents = (half * width / long_side, half * height / long_side)
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.camera.data.lens = SENSOR / (2 * half)
    shots: list[dict[str, np.ndarray]] = []
    while not shots or shots[0]["rgb"].mean() < DARKEST:
        stage = Stage(rng)
        kind = rng.choice(list(mix.kinds), p=list(mix.kinds.values()))
        sample = kind(stage)
        bpy.context.view_layer.update()
        cameras = choose_path(stage, sample, tangents, views, mix) or []
        shots = [shoot(camera, path.with_suffix(".exr"), again=camera is not cameras[-1]) for camera in cameras]
    arrays = {key: np.stack([shot[key] for shot in shots]) for key in shots[0]}
    arrays.update(matrix_world=np.array(cameras, float), lens=scene.camera.data.lens, sensor=SENSOR)
    np.savez(path, kind=kind.__name__, names=np.array(stage.names), **arrays)


def choose_path(stage: Stage, sample, tangents: tuple[float, float], views: int, mix: Mix):
    """The first of 12 framings that has a clear path among the things strewn into it, or None."""
    rng = stage.rng
    for _ in range(12):
        position, target = sample()
        try:
            start = look_at(position, target, rng.normal() * 0.03)
            median_depth(start, tangents)
            strew(stage, start, tangents, rng.integers(*mix.strewn), mix.heights, mix.apparent)
            bpy.context.view_layer.update()
            return smooth_path(rng, start, median_depth(start, tangents), views)
        except RejectedError:
            continue
    return None


def shoot(camera, path: Path, again: bool = False) -> dict[str, np.ndarray]:
    """Two renders of one view: colours and guides with anti-aliasing; then depth through the very centre of each pixel.

    again: another view of the same scene follows. What Cycles built is kept for it, and is freed after the last one, as
    the next scene's light would be sampled in another order with it.

    The Depth pass is the distance along the view axis at one sample per pixel. With the filter shrunk to a point that
    sample sits at the centre, so that depth fits the pinhole model to float precision and knows no blurred edges.
    Returns linear rgb, albedo, normal (H, W, 3) float16, depth (H, W) float32, inf in the sky, and index (H, W) int16
    of the named object seen, 0 for none.
    """
    scene = bpy.context.scene
    scene.camera.matrix_world = camera
    scene.render.use_persistent_data = True
    colours = _render(path, SAMPLES, BOUNCES, "BLACKMAN_HARRIS", 1.5)
    scene.render.use_persistent_data = again
    exact = _render(path, 1, 0, "BOX", 0.01)
    depth = exact["Depth.Z"]
    path.unlink()

    def stack(name: str, channels: str) -> np.ndarray:
        return np.stack([colours[f"{name}.{c}"] for c in channels], -1).clip(-6e4, 6e4).astype(np.float16)

    return {
        "rgb": stack("Combined", "RGB"),
        "albedo": stack("Diffuse Color", "RGB"),
        "normal": stack("Normal", "XYZ"),
        "depth": np.where(depth < 1e9, depth, np.inf).astype(np.float32),
        "index": exact["Object Index.X"].astype(np.int16),
    }


def _render(path: Path, samples: int, bounces: int, pixel_filter: str, width: float) -> dict[str, np.ndarray]:
    """Renders to `path` and reads the passes, named without their layer; pixel_filter with its `width` in pixels."""
    scene = bpy.context.scene
    scene.cycles.samples, scene.cycles.max_bounces = samples, bounces
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = pixel_filter, width
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    return {name.split(".", 1)[1]: plane for name, plane in read_float_exr(path).items()}


if __name__ == "__main__":
    main(sys.argv[1:])
