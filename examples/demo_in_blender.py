"""The demo: from a picture and a prompt to a shot in the sequencer, with the installed extension and a real backend.

    python examples/demo_in_blender.py OUT      in an environment with the bpy module and the extension installed

`python build.py demo` builds and installs the extension, sets the environment and runs this.
"""

import shutil
import sys
import time
from pathlib import Path

import bpy  # first: it makes addon_utils importable

# isort: split
import addon_utils
from scene import build_scene, render_reference

PROMPT = "slow dolly in towards the statue"
FRAMES = 49


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for old in (out / "shot", out / "dollygrip"):
        shutil.rmtree(old, ignore_errors=True)
    scene = build_scene()
    step("Rendering the reference picture with Cycles")
    render_reference(scene, out / "reference.png")
    addon_utils.enable("bl_ext.user_default.dollygrip")
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "demo.blend"))

    step("Starting the backend")
    bpy.ops.dollygrip.start_backend()
    brief = scene.dollygrip.brief
    brief.prompt, brief.reference, brief.frame_count = PROMPT, "//reference.png", FRAMES
    brief.start = scene.camera  # the reference was taken with it: the take begins there, at the scene's own scale,
    brief.exact_depth = True  # and the picture's depth is known
    step(f"Predicting the camera: “{PROMPT}”")
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.fit_range()
    step("Editing the curve of its height: the camera ends 0.3 m higher")
    raise_end(scene, 0.3)
    bpy.ops.dollygrip.save_take(filepath=str(out / "take.camera.json"))

    step("Rendering the shot")
    bpy.ops.dollygrip.render_shot()
    step("Writing the sequencer as a video")
    shutil.copytree(out / "dollygrip" / "shot_001", out / "shot")
    write_video(scene, out / "shot.mp4")
    bpy.ops.wm.save_mainfile()
    step("Done")


def raise_end(scene: bpy.types.Scene, metres: float) -> None:
    """Let the camera rise all along, as in the graph editor: the first and the last key of its height stay."""
    action = scene.camera.animation_data.action
    bag = action.layers[0].strips[0].channelbag(scene.camera.animation_data.action_slot)
    height = bag.fcurves.find("location", index=2)
    points = height.keyframe_points
    if len(points) == 1:
        points.insert(scene.frame_end, height.evaluate(scene.frame_end))
    while len(points) > 2:
        points.remove(points[1])
    points[-1].co.y += metres
    for point in points:
        point.handle_left_type = point.handle_right_type = "AUTO_CLAMPED"
    height.update()


def write_video(scene: bpy.types.Scene, path: Path) -> None:
    """What the sequencer shows on the scene's frames, as H.264."""
    render = scene.render
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.ffmpeg.constant_rate_factor = "HIGH"
    render.filepath, render.use_file_extension = str(path), False
    bpy.ops.render.render(animation=True)


_began = time.monotonic()


def step(text: str) -> None:
    print(f"[{time.monotonic() - _began:5.1f} s] {text}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
