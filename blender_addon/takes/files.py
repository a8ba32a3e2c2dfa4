"""Camera files: Load and Save in the panel, and File > Import and Export.

dollygrip.formats knows the formats of its own; USD and Alembic go through Blender's importers and exporters. Whatever
the file, what comes in becomes a take, and what goes out is the camera as Blender evaluates it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty

from dollygrip import formats
from dollygrip.errors import DollygripError, InputError
from dollygrip.trajectory import Trajectory

from .. import linked
from ..camera import camera
from . import alembic_lens, scene_cameras, takes

USD, ALEMBIC = (".usd", ".usda", ".usdc", ".usdz"), (".abc",)
_BLENDERS = {"usd": ("USD, by Blender", USD), "alembic": ("Alembic, by Blender", ALEMBIC)}
_BEGINS = {"usd": (b"#usda", b"PXR-USDC", b"PK"), "alembic": (b"Ogawa", b"\x89HDF")}
_SEEN_SQUEEZE = 0.005  # of a side of the picture: what a frame may be squeezed without a word
_KINDS = {form.name: (form.title, form.suffixes) for form in formats.FORMATS} | _BLENDERS
_FOLDERS = {form.name for form in formats.FORMATS if form.folder}
_FORMATS = [("AUTO", "By Name", "The file's name tells the format")]
_FORMATS += [(name, title, f"Such as {suffixes[0]}") for name, (title, suffixes) in _KINDS.items()]


@attrs.frozen
class Found:
    """The camera of a file, in words what had to be assumed of it, and the frame that it begins on, if it says that."""

    trajectory: Trajectory
    notes: list[str]
    first: int | None = None


def read(context: bpy.types.Context, path: str, assumed: formats.Assumed, scale: float | None = None) -> Found:
    """The camera of a file. scale: Blender units in a unit of an Alembic file, which does not say it; None: 1."""
    if not Path(path).name:
        raise InputError("No camera file is chosen.", "Pick one in the file browser.")
    if Path(path).suffix.lower() in USD + ALEMBIC:
        return read_scene_file(context, path, assumed, scale)
    trajectory = formats.read(path, assumed)
    return Found(trajectory, assumed.notes())


def _check_build(kind: str) -> None:
    """Raise InputError where this Blender was built without the importer and exporter of such files."""
    if not _built_with(kind):
        title = _BLENDERS[kind][0].partition(",")[0]
        raise InputError(
            f"This Blender was built without {title}.", "Take a Blender from blender.org, or another format."
        )


def _built_with(kind: str) -> bool:
    return getattr(bpy.app.build_options, kind)


def _check_begin(path: str, kind: str) -> None:
    """Raise InputError for a file that does not begin as files of its kind do; importers differ in what they say."""
    try:
        with Path(path).open("rb") as file:
            begin = file.read(16)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    if not begin.startswith(_BEGINS[kind]):
        title, endings = _BLENDERS[kind]
        name, title = Path(path).name, title.partition(",")[0]
        raise InputError(
            f"{name} must be a file of {title} ({endings[0]}); it begins with {begin!r}.", "Export it again."
        )


def read_scene_file(
    context: bpy.types.Context, path: str, assumed: formats.Assumed, scale: float | None = None
) -> Found:
    """A camera of a USD or Alembic file over its own frame range, at the scene's render size.

    A USD camera is sampled at the file's own frame rate; an Alembic one, which is stored by seconds, at the scene's.
    An Alembic file in which nothing moves has no range: it is the scene's.
    Blender imports it into a scene that is removed afterwards with everything that came; the file's metres, or an
    Alembic file's units, become Blender's units, whatever these are in the scene. Raises InputError where the file
    cannot be imported, or where it is not clear which of its cameras is meant.
    """
    usd = Path(path).suffix.lower() in USD
    kind = "usd" if usd else "alembic"
    _check_build(kind)
    _check_begin(path, kind)
    there = {thing.name for thing in bpy.data.objects}
    assumed.used.clear()
    with _scratch_scene(context) as scratch:
        _import(path, scale)
        found = [made for made in scratch.objects if made.type == "CAMERA"]
        names = scene_cameras.names_in_file([made.name for made in found], there)
        index, notes = scene_cameras.choose(names, assumed.get("camera", None), Path(path).name)
        fps, first, last = None, scratch.frame_start, scratch.frame_end
        if not usd:
            alembic_lens.as_read(found[index].data)
            notes.append("Blender reads the lens of an Alembic camera at one frame only")
            if scale is None:
                notes.append("the file does not say its unit of length: it is taken as Blender's")
        elif time := scene_cameras.usd_time(path):
            fps, (first, last) = time[0], time[1] or 2 * (context.scene.frame_start,)
        elif (fps := assumed.get("fps", None)) is None:
            notes.append("this Blender does not tell the file's frame rate: it is taken as the scene's")
        depth = assumed.get("scene_depth", camera.ASSUMED_DEPTH) * scratch.unit_settings.scale_length
        trajectory = camera.sample(context, first, last, found[index], depth)
    timed = attrs.evolve(trajectory, fps=fps or trajectory.fps)
    return Found(timed, notes + assumed.notes(), first)


def _import(path: str, scale: float | None) -> None:
    try:
        if Path(path).suffix.lower() in USD:
            bpy.ops.wm.usd_import(filepath=path, set_frame_range=True, import_meshes=False, import_materials=False)
        else:
            bpy.ops.wm.alembic_import(filepath=path, set_frame_range=True, as_background_job=False, scale=scale or 1.0)
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise InputError(f"Blender cannot read {path}: {said}", "Choose a USD or Alembic file.") from error


@contextmanager
def _scratch_scene(context: bpy.types.Context) -> Iterator[bpy.types.Scene]:
    """A scene with the frame rate and range, units and render size of the current one; it and all data made in it go
    again."""
    before, scene = _all_data(), context.scene
    scratch = bpy.data.scenes.new("Dollygrip Import")
    try:
        scratch.unit_settings.scale_length = scene.unit_settings.scale_length
        scratch.frame_start, scratch.frame_end = scene.frame_start, scene.frame_end
        for name in ("fps", "fps_base", "resolution_x", "resolution_y", "resolution_percentage"):
            setattr(scratch.render, name, getattr(scene.render, name))
        scratch.render.pixel_aspect_x, scratch.render.pixel_aspect_y = camera.sensor_of(scene, None).aspect
        layer = scratch.view_layers[0]
        with context.temp_override(
            scene=scratch, view_layer=layer, collection=scratch.collection, layer_collection=layer.layer_collection
        ):
            yield scratch
    finally:
        bpy.data.batch_remove(_all_data() - before)


def _all_data() -> set[bpy.types.ID]:
    kinds = (prop.identifier for prop in bpy.data.bl_rna.properties if prop.type == "COLLECTION")
    return {data for kind in kinds for data in getattr(bpy.data, kind)}


def write_scene_file(context: bpy.types.Context, path: str, first: int, last: int) -> None:
    """The scene's camera alone as USD or Alembic, over the frames first..last, as evaluated."""
    scene, made, usd = context.scene, context.scene.camera, Path(path).suffix.lower() in USD
    _check_build("usd" if usd else "alembic")
    if made is None:
        raise InputError(f"The scene {scene.name} has no camera.", "Add one, or predict a camera first.")
    selected, span = context.selected_objects, (scene.frame_start, scene.frame_end)
    for thing in selected:
        thing.select_set(False)
    try:
        if not made.visible_get():
            raise InputError(f"The camera {made.name} is hidden, so Blender does not export it.", "Show it first.")
        made.select_set(True)
        if not made.select_get():
            raise InputError(
                f"The camera {made.name} cannot be selected, so Blender does not export it.",
                "Make it, and its collection, selectable in the Outliner first.",
            )
        scene.frame_start, scene.frame_end = first, last
        if usd:
            bpy.ops.wm.usd_export(filepath=path, selected_objects_only=True, export_animation=True)
        else:
            with alembic_lens.as_written(context, made, first, last):
                bpy.ops.wm.alembic_export(filepath=path, selected=True, start=first, end=last, as_background_job=False)
    except RuntimeError as error:
        raise InputError(f"{path} cannot be written: {error}", "Choose another place.") from error
    finally:
        scene.frame_start, scene.frame_end = span
        for thing in {made, *selected} & set(context.view_layer.objects):
            thing.select_set(thing in selected)


class _File:
    filepath: StringProperty(name="File", subtype="FILE_PATH")
    filter_glob: StringProperty(
        default="*.json;*.txt;*.npz;*.npy;*.bin;" + ";".join(f"*{ending}" for ending in USD + ALEMBIC),
        options={"HIDDEN"},
    )


class DOLLYGRIP_OT_load_take(_File, bpy.types.Operator):
    """Load a camera file of any known format as a take, where it stands in the file's own world"""

    bl_idname = "dollygrip.load_take"
    bl_label = "Load Camera File"
    bl_options = {"REGISTER", "UNDO"}

    fps: FloatProperty(name="Frame Rate", min=0, max=1000, description="Where the file does not say; 0: the format's")
    view: FloatProperty(
        name="Field of View", min=0, max=170, description="Horizontal degrees, where the file holds no lens; 0: 50"
    )
    scene_depth: FloatProperty(
        name="Scene Depth", min=0, description="Of the middle ground, where the file does not say; 0: the format's"
    )
    camera: StringProperty(name="Camera", description="Name or number, where the file holds several")
    scale: FloatProperty(
        name="Alembic Scale",
        min=0,
        max=1000,
        precision=4,
        description="Blender units in a unit of an Alembic file, such as 0.01 for Maya's centimetres; 0: 1",
    )

    @classmethod
    def poll(cls, context):
        return linked.is_own(cls, context)

    def invoke(self, context, _event):
        if not self.properties.is_property_set("filepath"):
            self.filepath = bpy.path.abspath("//")  # not the .blend itself, which Blender would propose
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        scene = context.scene
        path = bpy.path.abspath(self.filepath)
        assumed = formats.Assumed(
            fps=self.fps or None,
            view_degrees=self.view or None,
            scene_depth=self.scene_depth or None,
            camera=self.camera or None,
            by_time=True,
        )
        try:
            file = read(context, path, assumed, self.scale or None)
            found = file.trajectory
            rig = takes.find_camera(scene)
            takes.check_own(rig)
            fitted = camera.fit_unseen(found, camera.Placement.of(scene, rig and rig.data, None, file.first))
        except DollygripError as error:
            scene.dollygrip.error, scene.dollygrip.hint, scene.dollygrip.notice = error.message, error.hint, ""
            scene.dollygrip.about = takes.Named.of(takes.find_camera(scene)).uid
            self.report({"ERROR"}, "\n".join(filter(None, (error.message, error.hint))))  # a line each in the popup
            return {"CANCELLED"}
        meta = found.meta
        provenance = {k: meta.get(k) for k in ("prompt", "seed", "model", "parent_take")}
        name = takes.name_of(meta.get("prompt") or bpy.path.display_name_from_filepath(path))
        first, last = takes.frame_range(takes.add(scene, fitted, name, {**provenance, "file": path}))
        scene.dollygrip.error = scene.dollygrip.hint = ""
        scene.dollygrip.about = takes.Named.of(takes.find_camera(scene)).uid
        scene.dollygrip.notice = f"{'; '.join([_said(scene, found, fitted, first, last), *file.notes])}."
        self.report({"INFO"}, scene.dollygrip.notice)
        return {"FINISHED"}


def _said(scene: bpy.types.Scene, found: Trajectory, fitted: camera.FittedTake, first: int, last: int) -> str:
    """What became of a loaded camera: its frames, its retiming, its crop."""
    said = f"The take runs from frame {first} to {last}"
    if len(fitted.trajectory) != len(found):
        said += f" ({len(found)} frames at {found.fps:g} fps became {len(fitted.trajectory)} at the scene's)"
    if camera.share_shown(scene, found.size, found.intrinsics) < 0.99:
        said += f"; {camera.crop_said(found.size)}"
    aspects = found.intrinsics[:, 0] / found.intrinsics[:, 1]
    if np.ptp(aspects) > _SEEN_SQUEEZE * aspects.min():
        said += f"; its pixels have the aspect {aspects.min():.3f} to {aspects.max():.3f}: all got the scene's"
    if (first, last) != (scene.frame_start, scene.frame_end):
        said += f"; the scene's range is {scene.frame_start} to {scene.frame_end}. Use as Range sets it"
    return said


class DOLLYGRIP_OT_save_take(_File, bpy.types.Operator):
    """Save the camera as Blender evaluates it, edits and all, to a camera file"""

    bl_idname = "dollygrip.save_take"
    bl_label = "Save Camera File"

    kind: EnumProperty(name="Format", items=_FORMATS, default="AUTO")
    check_existing: BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        if context.scene.camera is None:
            cls.poll_message_set("The scene has no camera to save")
        return context.scene.camera is not None

    def invoke(self, context, _event):
        _, suffixes = _KINDS.get(self.kind, (None, (".camera.json",)))
        name = suffixes[0] if suffixes[0][0].isalpha() else f"{_called(context.scene.camera)}{suffixes[0]}"
        self.filepath = str(Path(bpy.path.abspath(self.filepath or "//")) / name)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, _context):
        """Let the file browser show the name that is written, and ask before it replaces such a file."""
        before, self.filepath = self.filepath, _ended(self.filepath, self.kind)
        return self.filepath != before

    def execute(self, context):
        scene, path = context.scene, _ended(bpy.path.abspath(self.filepath), self.kind)
        take = takes.shown(scene.camera)
        first, last = takes.frame_range(take) if take else (scene.frame_start, scene.frame_end)
        try:
            if self.kind in _BLENDERS or (self.kind == "AUTO" and Path(path).suffix.lower() in USD + ALEMBIC):
                write_scene_file(context, path, first, last)
                left = []
            else:
                form = formats.format_of_name(Path(path)) if self.kind == "AUTO" else formats.format_named(self.kind)
                sampled = _with_provenance(camera.sample(context, first, last), take)
                formats.write(path, sampled, form)
                left = formats.lost(sampled, form, Path(path).name)
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, "; ".join([f"{last - first + 1} frames were saved to {path}", *left]) + ".")
        return {"FINISHED"}


def _called(seen_by: bpy.types.Object | None) -> str:
    """What a file is called after: the take that a camera shows, else the camera."""
    named = takes.shown(seen_by) or seen_by
    return bpy.path.clean_name(named.name.removesuffix(" …")) if named else "camera"


def _ended(path: str, kind: str) -> str:
    """A path to write, with the ending of the format that was chosen where it has none that fits; folders need none."""
    if kind == "AUTO" or kind in _FOLDERS or not Path(path).name or Path(path).is_dir():
        return path
    suffixes = _KINDS[kind][1]
    fits = Path(path).suffix.lower() in {Path(f"a{suffix}").suffix for suffix in suffixes}
    return path if fits else path + next(suffix for suffix in suffixes if not suffix[0].isalpha())


def _with_provenance(sampled: Trajectory, take: bpy.types.Action | None) -> Trajectory:
    """The sampled camera with the scale, the prompt and the reference's pose of its take."""
    stored = takes.provenance(take) if take else {}
    meta = dict(stored.get("meta", {}))
    if pose := camera.reference_pose(meta):
        meta["reference"] = camera.reference_seen(pose, tuple(stored["size"]), sampled, None)
    return attrs.evolve(sampled, scene_depth=stored.get("scene_depth", camera.ASSUMED_DEPTH), meta=meta)


class DOLLYGRIP_MT_export(bpy.types.Menu):
    """The formats that a camera can be saved in"""

    bl_label = "Dollygrip Camera"

    def draw(self, _context):
        for name, (title, suffixes) in _KINDS.items():
            if name not in _BLENDERS or _built_with(name):
                self.layout.operator("dollygrip.save_take", text=f"{title} ({suffixes[0]})").kind = name


def _draw_import(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator("dollygrip.load_take", text="Dollygrip Camera (.json, .txt, .npz, .usd, .abc, COLMAP)")


def _draw_export(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.menu("DOLLYGRIP_MT_export")


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (DOLLYGRIP_OT_load_take, DOLLYGRIP_OT_save_take, DOLLYGRIP_MT_export)
)


def register() -> None:
    _register_classes()
    bpy.types.TOPBAR_MT_file_import.append(_draw_import)
    bpy.types.TOPBAR_MT_file_export.append(_draw_export)


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_export.remove(_draw_export)
    bpy.types.TOPBAR_MT_file_import.remove(_draw_import)
    _unregister_classes()
