"""The set proxy: what a take's reference shows, as a textured surface in the scene, so that edits show their parallax.

It stands where the reference was taken and is never rendered. One proxy for each reference, in a collection of its own.
"""

from typing import Any, Self

import attrs
import bpy
import numpy as np
from bpy.props import StringProperty
from mathutils import Matrix

from dollygrip.client import DepthReady
from dollygrip.conventions import blender_from_c2w
from dollygrip.errors import DollygripError, InputError
from dollygrip.protocol import DepthRequest, Welcome

from .. import linked
from ..backend.job import Job
from ..backend.session import Outcome, push_undo, session
from ..backend.worker import Tell
from ..camera import camera, depths
from ..picture_file import stored_uv
from ..takes import sets, takes
from .picture import orientation_of, read_picture
from .proxy_mesh import Grid, ProxyMesh, mesh_of

COLLECTION = "Dollygrip Sets"


@attrs.frozen(eq=False)
class View:
    """How a reference was taken: c2w (4, 4) in metres, lens (4,) in pixels of the picture, its (width, height).

    orientation: by which its file is turned upright; see picture_file.
    """

    c2w: np.ndarray
    lens: np.ndarray
    picture: tuple[int, int]
    orientation: int = 1

    @classmethod
    def of(cls, take: bpy.types.Action, size: tuple[int, int]) -> Self:
        """Of a take's reference; without a pose of its own it was taken by the take's first frame."""
        dense = takes.dense(take)
        pose = camera.reference_pose(dense.meta)
        c2w = np.array(pose["c2w"]) if pose else dense.c2w[0]
        seen = np.array([pose["intrinsics"]]) if pose else dense.intrinsics[:1]
        lens = camera.in_picture(seen, dense.size, size)[0]
        return cls(c2w, lens, size, orientation_of(takes.reference(take)))


@attrs.define
class BuildSetProxy:
    """A task of the session: the backend's depth of a take's reference becomes its set proxy.

    request: None for a job that is attached to again.
    """

    scene_name: str
    take_id: str
    request: DepthRequest | None
    arrays: dict[str, np.ndarray]
    view: View
    shot: takes.Named
    title: str = "Building the set"
    job_id: str = ""
    received: int = 0

    together = True

    @classmethod
    def of(cls, context: bpy.types.Context) -> Self:
        """For the take that is shown; raises InputError where there is none or its reference is gone."""
        take = shown_take(context.scene)
        made_from = takes.provenance(take)
        image = read_picture(made_from["reference"])
        request = DepthRequest(scene_depth=made_from["scene_depth"])
        view, shot = View.of(take, image.shape[1::-1]), takes.Named.of(takes.find_camera(context.scene))
        return cls(context.scene.name, made_from["id"], request, {"image": image}, view, shot)

    @classmethod
    def resumed(cls, scene: bpy.types.Scene, record: dict[str, Any]) -> Self:
        """The task that made this record, to be attached to its job again."""
        take = takes.with_id(record["set_of"])
        if take is None:
            raise InputError("The take whose set was being built is gone.", "Forget the job.")
        view = View.of(take, read_picture(takes.reference(take)).shape[1::-1])
        shot = takes.Named.noted(scene, str(record.get("shot", "")))  # which records of older versions lack
        return cls(scene.name, record["set_of"], None, {}, view, shot, job_id=str(record["job"]))

    def record(self) -> dict[str, Any]:
        return {"job": self.job_id, "set_of": self.take_id, "shot": self.shot.now}

    def build(self, _welcome: Welcome, _tell: Tell) -> tuple[DepthRequest, dict[str, np.ndarray]]:
        return self.request, self.arrays

    def prepare(self, event: DepthReady) -> ProxyMesh:
        height, width = event.depth.shape
        grid, part = Grid.over((width, height), self.view.picture)
        return mesh_of(event.depth[part, part], grid, self.view.lens, self.view.picture)

    def deliver(self, scene: bpy.types.Scene, prepared: ProxyMesh) -> None:
        if take := takes.with_id(self.take_id):
            put(scene, take, self.view, prepared)

    def finish(self, scene: bpy.types.Scene, outcome: Outcome) -> None:
        built = outcome.state == "done"
        scene.dollygrip.notice, scene.dollygrip.about = _built_said() if built else "", self.shot.uid
        if built:
            push_undo("Build Set Proxy")


def shown_take(scene: bpy.types.Scene) -> bpy.types.Action:
    """The take that is shown; raises InputError where there is none with a reference."""
    take = takes.shown(takes.find_camera(scene))
    if take is None or not takes.reference(take):
        raise InputError("There is no take with a reference picture to build a set from.", "Predict a camera first.")
    return take


def exact_mesh(context: bpy.types.Context, take: bpy.types.Action, view: View) -> ProxyMesh:
    """The surface by the depth of the scene's own geometry on the take's first frame, as it was predicted with."""
    grid, _ = Grid.over(view.picture, view.picture)
    x, y = np.meshgrid(grid.x, grid.y)
    shot = takes.find_camera(context.scene)
    with camera.on_frame(context.scene, takes.frame_range(take)[0]):
        depth = depths.depths_seen(context, view.c2w, view.lens, x.ravel(), y.ravel(), shot).reshape(x.shape)
    if not np.isfinite(depth).any():
        raise InputError("The scene's geometry, which gave this take its depth, is not there any more.", "Undo that.")
    return mesh_of(depth, grid, view.lens, view.picture)


def put(scene: bpy.types.Scene, take: bpy.types.Action, view: View, surface: ProxyMesh) -> bpy.types.Object:
    """Place the proxy of a take's reference, in place of the one that is there."""
    if there := sets.proxy_of(scene, take):
        remove(there)
    image, unit = takes.reference_image(take), scene.unit_settings.scale_length
    name = f"Set {bpy.path.display_name_from_filepath(image.filepath)}"
    mesh = _mesh(name, surface, unit, view.orientation)
    mesh.materials.append(_unlit(name, image))
    proxy = bpy.data.objects.new(name, mesh)
    sets.mark(proxy, image)
    proxy.matrix_world = Matrix(blender_from_c2w(view.c2w, unit))
    proxy.hide_render = proxy.hide_select = True
    _collection(scene).objects.link(proxy)
    return proxy


def _built_said() -> str:
    """That the set is there, and what to do where a viewport would show it in plain grey."""
    areas = (area for window in bpy.context.window_manager.windows for area in window.screen.areas)
    shadings = [area.spaces.active.shading for area in areas if area.type == "VIEW_3D"]
    plain = any(each.type == "SOLID" and each.color_type != "TEXTURE" for each in shadings)
    shown = " Its picture shows in Material Preview, and in Solid shading with Color set to Texture." if plain else ""
    return f"The set stands in the scene; it is not rendered.{shown}"


def remove(proxy: bpy.types.Object) -> None:
    """Remove a proxy with all that is its own, and the collection after the last one."""
    mesh, groups = proxy.data, proxy.users_collection
    bpy.data.batch_remove([proxy, mesh, *filter(None, mesh.materials)])
    bpy.data.batch_remove([group for group in groups if group.name.startswith(COLLECTION) and not group.all_objects])


def _mesh(name: str, surface: ProxyMesh, unit: float, orientation: int) -> bpy.types.Mesh:
    """Filled array by array: this happens within a tick of the interface. orientation: of the picture as stored."""
    mesh, count = bpy.data.meshes.new(name), len(surface.quads)
    mesh.vertices.add(len(surface.points))
    mesh.vertices.foreach_set("co", (surface.points / unit).astype(np.float32).ravel())
    mesh.loops.add(4 * count)
    mesh.loops.foreach_set("vertex_index", surface.quads.astype(np.int32).ravel())
    mesh.polygons.add(count)
    mesh.polygons.foreach_set("loop_start", np.arange(0, 4 * count, 4, dtype=np.int32))
    mesh.update(calc_edges=True)
    layer, uv = mesh.uv_layers.new(name="Reference"), stored_uv(surface.uv, orientation)
    layer.data.foreach_set("uv", uv[surface.quads.ravel()].astype(np.float32).ravel())
    return mesh


def _collection(scene: bpy.types.Scene) -> bpy.types.Collection:
    group = next((child for child in scene.collection.children if child.name.startswith(COLLECTION)), None)
    if group is None:
        group = bpy.data.collections.new(COLLECTION)
        group.hide_render = group.hide_select = True
        scene.collection.children.link(group)
    return group


def _unlit(name: str, image: bpy.types.Image) -> bpy.types.Material:
    """The picture as it is, whatever the light; its texture is also what the viewport's texture shading shows."""
    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0, 0):  # always on since
        material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    texture, light = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeEmission")
    output = nodes.new("ShaderNodeOutputMaterial")
    texture.image, nodes.active = image, texture
    links.new(texture.outputs["Color"], light.inputs["Color"])
    links.new(light.outputs["Emission"], output.inputs["Surface"])
    for i, node in enumerate((texture, light, output)):
        node.location.x = 300 * i
    return material


class DOLLYGRIP_OT_build_set_proxy(Job, bpy.types.Operator):
    """Show what the take's reference shows as a surface in the scene, for parallax while editing. It is not rendered"""

    bl_idname = "dollygrip.build_set_proxy"
    bl_label = "Build Set Proxy"
    task = BuildSetProxy

    panel: StringProperty(options={"HIDDEN", "SKIP_SAVE"}, description="Where it is pressed, and so tells what comes")

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        take = takes.shown(takes.find_camera(context.scene))
        pictured = take is not None and takes.reference_image(take) is not None
        if not pictured:
            cls.poll_message_set("There is no take with a reference picture yet: predict a camera first")
        return pictured

    def _begin(self, context, wait):
        exact = takes.has_exact_depth(takes.shown(takes.find_camera(context.scene)))
        ended = self._build_exactly(context) if exact else super()._begin(context, wait)
        session.panel = self.panel
        return ended

    def _build_exactly(self, context: bpy.types.Context) -> set[str]:
        """By the scene's own geometry, which needs no job."""
        scene = context.scene
        self._asked(scene)
        try:
            take = shown_take(scene)
            view = View.of(take, read_picture(takes.reference(take)).shape[1::-1])
            put(scene, take, view, exact_mesh(context, take, view))
        except DollygripError as error:
            return self._refuse(scene, error)
        scene.dollygrip.notice = _built_said()
        push_undo(self.bl_label)
        return {"FINISHED"}


class DOLLYGRIP_OT_remove_set_proxy(bpy.types.Operator):
    """Remove the surface that shows a reference"""

    bl_idname = "dollygrip.remove_set_proxy"
    bl_label = "Remove Set Proxy"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Name", description="Which one; by default that of the take that is shown")

    @classmethod
    def poll(cls, context):
        if not sets.proxies(context.scene):
            cls.poll_message_set("The scene has no set proxy")
            return False
        return linked.is_own(cls, context)

    def execute(self, context):
        scene = context.scene
        named = next((proxy for proxy in sets.proxies(scene) if proxy.name == self.name), None)
        proxy = named if self.name else sets.proxy_of(scene, takes.shown(takes.find_camera(scene)))
        if proxy is None:
            self.report({"ERROR"}, f"There is no set proxy {self.name or 'of the take that is shown'}.")
            return {"CANCELLED"}
        remove(proxy)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_OT_build_set_proxy, DOLLYGRIP_OT_remove_set_proxy))
