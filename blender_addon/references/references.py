"""Pictures that are no file yet become references: an image of this file, the sequencer's frame, the render, a camera.

Each is written as a PNG that is named by its content, in a folder beside the .blend: a reference never changes under
the takes that were made from it. While the file is unsaved that is a temporary folder; shots.saving copies what is in
it on saving.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import bpy
import gpu
import numpy as np
from bpy.props import EnumProperty, StringProperty

from dollygrip.errors import DollygripError, InputError
from dollygrip.trajectory import Trajectory

from .. import compat, linked
from ..camera import camera, rays
from ..shots import colours, saving, shots, strips
from ..takes import takes
from . import picture

_SAMPLES = 32  # of Cycles, where there is no viewport that could draw the camera's view


def keep(rgb: np.ndarray, name: str) -> str:
    """Write a picture, uint8 (height, width, 3), to the file's references -> its path, relative where there is one."""
    if parent := saving.parent_folder():
        folder = saving.make(parent / saving.REFERENCES)
    else:
        folder = saving.temporary_folder()
    path = folder / f"{bpy.path.clean_name(name)}_{picture.fingerprint(rgb)[:12]}.png"
    picture.write_png(path, rgb)
    return takes.beside(path)


def image_picture(name: str) -> np.ndarray:
    """The pixels of an Image of this file, packed, painted or loaded, as uint8 (height, width, 3)."""
    image = bpy.data.images.get(name)
    if image is None:
        raise InputError(f"This file has no image {name!r}.", "Choose one of its images.")
    if image.type == "RENDER_RESULT":
        return render_picture(bpy.context.scene)
    return picture.pixels_of(image, linear=image.is_float)


def render_picture(scene: bpy.types.Scene) -> np.ndarray:
    """The last render as the scene's view transform shows it, on square pixels; of a stereo render the first view."""
    result = next((image for image in bpy.data.images if image.type == "RENDER_RESULT"), None)
    settings = scene.render.image_settings
    plain = [(settings, "media_type", "IMAGE")] if hasattr(settings, "media_type") else []
    plain += [(settings, "file_format", "PNG"), (settings, "color_mode", "RGB"), (settings, "color_depth", "8")]
    plain += [(settings, "views_format", "INDIVIDUAL"), (scene.render, "dither_intensity", 0.0)]
    with tempfile.TemporaryDirectory() as folder, _changed(plain):
        # Blender reports an error for a stereo render, too, although it has written a file for each view.
        with suppress(RuntimeError):
            if result:
                result.save_render(str(Path(folder) / "render.png"), scene=scene)
        written = sorted(Path(folder).iterdir())
        if not written:
            raise InputError("Nothing has been rendered yet.", "Render an image first.")
        return picture.read_picture(str(written[0]), camera.square_size(scene))


def sequencer_picture(scene: bpy.types.Scene) -> np.ndarray:
    """What the sequencer shows at the playhead, in the strips' own colours, at the scene's render size."""
    frame = scene.frame_current
    all_of_it = compat.strips_of(scene) if scene.sequence_editor else ()
    here = (s for s in all_of_it if compat.span_of(s)[0] <= frame < compat.span_of(s)[1])
    if not any(strip.type != "SOUND" and not strip.mute for strip in here):
        raise InputError(f"No strip with a picture lies on frame {frame}.", "Move the playhead onto a strip.")
    ours = [strip for strip in compat.all_strips_of(scene) if strips.shot_of(strip)]
    as_others = [(strip.colorspace_settings, "name", "sRGB") for strip in ours]  # which undo the view, as others do not
    return _rendered(scene, [*as_others, (scene.render, "use_sequencer", True)], neutral=True)


def camera_picture(context: bpy.types.Context, seen_by: bpy.types.Object, frame: int) -> np.ndarray:
    """What a camera sees of the scene on `frame`, at the render size on square pixels.

    With a window it is drawn as the first 3D Viewport is shaded, at once; else by Cycles with few samples. What is
    not rendered is not seen.
    """
    scene = context.scene
    width, height = camera.square_size(scene)
    render = scene.render
    square = [(render, "resolution_x", width), (render, "resolution_y", height), (render, "resolution_percentage", 100)]
    square += [(render, "pixel_aspect_x", 1.0), (render, "pixel_aspect_y", 1.0)]
    areas = context.screen.areas if context.screen and not bpy.app.background else ()
    viewport = next((area for area in areas if area.type == "VIEW_3D"), None)
    with camera.on_frame(scene, frame):
        if viewport:
            with _changed(square):
                return _drawn(context, seen_by, (width, height), viewport)
        cycles = [
            (render, "engine", "CYCLES"),
            (scene.cycles, "samples", _SAMPLES),
            (scene.cycles, "use_denoising", True),
        ]
        once = [(scene, "camera", seen_by), (render, "use_sequencer", False), (render, "use_compositing", False)]
        return _rendered(scene, [*square, *cycles, *once])


def _rendered(scene: bpy.types.Scene, settings: list[tuple[Any, str, Any]], neutral: bool = False) -> np.ndarray:
    """A render of the current frame under changed settings; neutral: without the scene's view transform."""
    if neutral:
        settings = [*settings, *((scene.view_settings, name, value) for name, value in colours.NEUTRAL)]
    with _changed([*settings, (scene.render, "use_border", False), (scene.render, "use_multiview", False)]):
        with bpy.context.temp_override(scene=scene):  # naming it would put it on the window's frame
            bpy.ops.render.render()
        return render_picture(scene)


def _drawn(
    context: bpy.types.Context, seen_by: bpy.types.Object, size: tuple[int, int], viewport: bpy.types.Area
) -> np.ndarray:
    space = viewport.spaces.active
    region = next(region for region in viewport.regions if region.type == "WINDOW")
    offscreen = gpu.types.GPUOffScreen(*size)
    try:
        # Rendered shading leaves out by itself what is there for its light alone
        lit = space.shading.type == "RENDERED"
        unseen = rays.not_rendered(context.scene) if lit else rays.not_seen(context.scene)
        overlays = [(space.overlay, "show_overlays", False)]
        with rays.as_rendered(context.view_layer, unseen), _changed(overlays):
            depsgraph = context.evaluated_depsgraph_get()
            evaluated = seen_by.evaluated_get(depsgraph)
            view = evaluated.matrix_world.normalized().inverted()
            projection = evaluated.calc_matrix_camera(depsgraph, x=size[0], y=size[1])
            offscreen.draw_view3d(
                context.scene, context.view_layer, space, region, view, projection, do_color_management=True
            )
            pixels = np.array(offscreen.texture_color.read(), np.uint8)
    finally:
        offscreen.free()
    return np.ascontiguousarray(pixels.reshape(size[1], size[0], 4)[::-1, :, :3])


@contextmanager
def _changed(settings: list[tuple[Any, str, Any]]) -> Iterator[None]:
    """Set (owner, property, value) for a while; one that has room for another's values comes before that."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in settings]
    try:
        for owner, name, value in settings:
            colours.set_known(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def capture(context: bpy.types.Context, source: str, image: str = "") -> None:
    """Make a picture of `source` the reference of the shot that is shown; see the operator.

    Raises InputError with what is missing, and as `takes.own_brief`.
    """
    scene, brief = context.scene, takes.own_brief(context.scene)
    if source == "CAMERA":
        seen_by = scene.camera
        if seen_by is None:
            raise InputError(f"The scene {scene.name} has no camera.", "Add one and aim it.")
        first = shots.first_frame(scene, takes.find_camera(scene))
        seen = camera.sample(context, first, first, seen_by)
        brief.reference = keep(camera_picture(context, seen_by, first), seen_by.name)
        brief.start, brief.exact_depth = seen_by, True
        brief.captured = json.dumps([Path(brief.reference).name, *_pose(seen)])
        return
    if source == "IMAGE":
        brief.reference = keep(image_picture(image), Path(image).stem)
    elif source == "RENDER":
        brief.reference = keep(render_picture(scene), "render")
    else:
        edit = compat.sequencer_scene(context)
        brief.reference = keep(sequencer_picture(edit), f"frame_{edit.frame_current}")
    brief.exact_depth = False


def check_unmoved(scene: bpy.types.Scene, seen: Trajectory) -> None:
    """Raise InputError where the reference is the view of a camera that is not there any more.

    seen: the start camera on the take's first frame. Its depth would be that of another picture.
    """
    brief = scene.dollygrip.brief
    name, *pose = json.loads(brief.captured or '[""]')
    if name == Path(brief.reference).name and not np.allclose(pose, _pose(seen), rtol=1e-4, atol=1e-4):
        raise InputError(
            "The start camera has moved since its view became the reference.",
            "Take the Camera View again, or turn Exact Depth off.",
        )


def _pose(seen: Trajectory) -> list[float]:
    """Frame 0 of a camera as plain numbers: its pose in metres, its intrinsics in widths of the picture."""
    return [*seen.c2w[0].ravel().tolist(), *(seen.intrinsics[0] / seen.size[0]).tolist()]


class DOLLYGRIP_OT_capture_reference(bpy.types.Operator):
    """Take the reference picture from this file. It is kept as an image beside the .blend"""

    bl_idname = "dollygrip.capture_reference"
    bl_label = "Capture Reference"
    bl_options = {"REGISTER", "UNDO"}

    source: EnumProperty(
        name="From",
        items=[
            (
                "CAMERA",
                "Camera View",
                "What the scene's camera sees where the take begins, as the viewport is shaded, with exact depth",
            ),
            ("RENDER", "Render Result", "The last render, as it is shown"),
            ("SEQUENCER", "Sequencer Frame", "What the sequencer shows at the playhead"),
            ("IMAGE", "Image", "An image of this file, also a packed or painted one"),
        ],
    )
    image: StringProperty(name="Image", description="Name of the image to take")

    @classmethod
    def poll(cls, context):
        return linked.is_own(cls, context)

    def execute(self, context):
        try:
            capture(context, self.source, self.image)
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"The reference is {context.scene.dollygrip.brief.reference}.")
        return {"FINISHED"}


class DOLLYGRIP_OT_match_picture(bpy.types.Operator):
    """Give the scene's resolution the shape of the reference picture, with the longer side that it has. All shots of
    the scene are rendered so"""

    bl_idname = "dollygrip.match_picture"
    bl_label = "Match the Picture's Shape"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return linked.is_own(cls, context) and picture.is_chosen(cls, context)

    def execute(self, context):
        render = context.scene.render
        try:
            seen = picture.read_picture(takes.chosen_reference(context.scene))
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        longer = max(render.resolution_x, render.resolution_y)
        wider = seen.shape[1] / seen.shape[0] * render.pixel_aspect_y / render.pixel_aspect_x
        across, down = longer * min(1, wider), longer * min(1, 1 / wider)
        render.resolution_x, render.resolution_y = (2 * round(side / 2) for side in (across, down))  # as codecs want
        self.report({"INFO"}, f"The scene's resolution is {render.resolution_x}×{render.resolution_y}.")
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_OT_capture_reference, DOLLYGRIP_OT_match_picture))
