"""The example scene: a hall of columns with a carved head on a plinth, lit from a window. Runs inside Blender.

    python examples/scene.py OUT.png         renders it with the bpy module

Metres, Z up, the camera looks along +Y. Depth in layers (columns, plinth, far wall) makes every camera move visible.
"""

import math
import sys
from pathlib import Path

import bpy

SIZE = (512, 288)


def build_scene() -> bpy.types.Scene:
    """Empty the current file and build the hall in it; returns the scene, with its camera set."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    materials = {
        "floor": checker_material("Floor", (0.55, 0.47, 0.36), (0.16, 0.11, 0.08), 9.0),
        "wall": noise_material("Wall", (0.62, 0.42, 0.27), (0.74, 0.55, 0.38), 3.0, 0.9),
        "stone": noise_material("Stone", (0.55, 0.52, 0.47), (0.82, 0.79, 0.72), 7.0, 0.7),
        "bronze": noise_material("Bronze", (0.03, 0.16, 0.15), (0.10, 0.34, 0.28), 5.0, 0.35, metallic=0.6),
        "cloth": noise_material("Cloth", (0.42, 0.03, 0.03), (0.60, 0.08, 0.05), 12.0, 0.95),
        "fruit": noise_material("Fruit", (0.85, 0.35, 0.02), (0.95, 0.55, 0.05), 8.0, 0.5),
    }
    add_hall(materials)
    add_statue(materials)
    for x in (-2.1, 2.1):
        for y in (1.2, 3.6, 6.0):
            add_column(x, y, materials["stone"])
    add_light(scene)
    add_camera(scene)
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 24
    scene.cycles.use_denoising = True
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.view_settings.view_transform = "AgX"
    scene.render.fps = 24
    return scene


def render_reference(scene: bpy.types.Scene, path: Path) -> None:
    """Render the scene's first view as a PNG: the reference image of the demo."""
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def add_hall(materials: dict) -> None:
    box("Floor", (0, 4, -0.05), (9, 14, 0.1), materials["floor"])
    box("Wall.back", (0, 8.6, 2.5), (9, 0.2, 5), materials["wall"])
    box("Wall.left", (-4.4, 4, 2.5), (0.2, 14, 5), materials["wall"])
    box("Wall.right.low", (4.4, 4, 0.5), (0.2, 14, 1), materials["wall"])
    box("Wall.right.high", (4.4, 4, 4.4), (0.2, 14, 1.2), materials["wall"])
    for y in (-1, 1.5, 4, 6.5):
        box("Wall.right.post", (4.4, y, 2.5), (0.2, 0.7, 3), materials["wall"])
    box("Ceiling", (0, 4, 5.05), (9, 14, 0.1), materials["wall"])
    box("Niche", (0, 8.48, 1.8), (1.9, 0.12, 3.0), materials["stone"])
    box("Banner.left", (-2.6, 8.45, 2.6), (0.9, 0.06, 2.6), materials["cloth"])
    box("Banner.right", (2.6, 8.45, 2.6), (0.9, 0.06, 2.6), materials["cloth"])
    box("Bench", (-1.35, 3.0, 0.22), (0.5, 1.4, 0.44), materials["stone"])
    for x, y in ((-1.4, 2.7), (-1.28, 2.95), (-1.45, 3.15)):
        sphere("Orange", (x, y, 0.52), 0.09, materials["fruit"])


def add_statue(materials: dict) -> None:
    box("Plinth.base", (0.25, 4.0, 0.09), (1.0, 1.0, 0.18), materials["stone"])
    box("Plinth", (0.25, 4.0, 0.55), (0.72, 0.72, 0.8), materials["stone"])
    box("Plinth.top", (0.25, 4.0, 0.99), (0.86, 0.86, 0.09), materials["stone"])
    bpy.ops.mesh.primitive_monkey_add(size=0.95, location=(0.25, 4.0, 1.5), rotation=(math.radians(-12), 0, 0.2))
    head = bpy.context.object
    head.name = "Head"
    head.modifiers.new("Smooth", "SUBSURF").render_levels = 2
    finish(head, materials["bronze"], smooth=True)


def add_column(x: float, y: float, material: bpy.types.Material) -> None:
    for name, z, radius, height in (("Shaft", 2.4, 0.24, 4.4), ("Foot", 0.12, 0.36, 0.24), ("Capital", 4.7, 0.36, 0.5)):
        bpy.ops.mesh.primitive_cylinder_add(vertices=48, radius=radius, depth=height, location=(x, y, z))
        bpy.context.object.name = f"Column.{name}"
        finish(bpy.context.object, material, smooth=True)


def add_light(scene: bpy.types.Scene) -> None:
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.data.angle, sun.data.color = 8.1, math.radians(2), (1.0, 0.86, 0.68)
    sun.rotation_euler = (math.radians(48), 0, math.radians(68))
    fill = bpy.data.objects.new("Fill", bpy.data.lights.new("Fill", "AREA"))
    fill.data.energy, fill.data.size, fill.data.color = 260.0, 4.0, (0.75, 0.85, 1.0)
    fill.location, fill.rotation_euler = (0, -1.5, 4.2), (math.radians(35), 0, 0)
    for light in (sun, fill):
        scene.collection.objects.link(light)
    scene.world = bpy.data.worlds.new("Sky")
    if bpy.app.version < (5, 0, 0):  # always on since
        scene.world.use_nodes = True
    background = scene.world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (0.45, 0.62, 0.9, 1)
    background.inputs["Strength"].default_value = 1.14


def add_camera(scene: bpy.types.Scene) -> None:
    camera = bpy.data.objects.new("Reference camera", bpy.data.cameras.new("Reference camera"))
    camera.data.lens = 32
    camera.location, camera.rotation_euler = (0, -0.9, 1.55), (math.radians(88), 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera


def box(name: str, centre: tuple, size: tuple, material: bpy.types.Material) -> None:
    bpy.ops.mesh.primitive_cube_add(size=1, location=centre, scale=size)
    bpy.context.object.name = name
    finish(bpy.context.object, material)


def sphere(name: str, centre: tuple, radius: float, material: bpy.types.Material) -> None:
    bpy.ops.mesh.primitive_uv_sphere_add(radius=radius, location=centre)
    bpy.context.object.name = name
    finish(bpy.context.object, material, smooth=True)


def finish(thing: bpy.types.Object, material: bpy.types.Material, smooth: bool = False) -> None:
    thing.data.materials.append(material)
    thing.data.polygons.foreach_set("use_smooth", [smooth] * len(thing.data.polygons))


def noise_material(name: str, dark: tuple, light: tuple, scale: float, roughness: float, metallic: float = 0.0):
    """A surface mottled between two colours by noise in object space."""
    material, nodes, links, shader = principled(name, roughness, metallic)
    noise, ramp = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeValToRGB")
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = scale, 8.0
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[0].position = (*dark, 1), 0.35
    ramp.color_ramp.elements[1].color, ramp.color_ramp.elements[1].position = (*light, 1), 0.65
    links.new(world_position(nodes), noise.inputs["Vector"])
    links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], shader.inputs["Base Color"])
    return material


def checker_material(name: str, light: tuple, dark: tuple, tiles: float):
    """Polished floor tiles; `tiles` per ten metres."""
    material, nodes, links, shader = principled(name, 0.25, 0.0)
    checker = nodes.new("ShaderNodeTexChecker")
    checker.inputs["Scale"].default_value = tiles / 10
    checker.inputs["Color1"].default_value, checker.inputs["Color2"].default_value = (*light, 1), (*dark, 1)
    links.new(world_position(nodes), checker.inputs["Vector"])
    links.new(checker.outputs["Color"], shader.inputs["Base Color"])
    return material


def principled(name: str, roughness: float, metallic: float):
    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0, 0):  # always on since
        material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value, shader.inputs["Metallic"].default_value = roughness, metallic
    return material, nodes, links, shader


def world_position(nodes) -> bpy.types.NodeSocket:
    return nodes.new("ShaderNodeNewGeometry").outputs["Position"]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Name the picture to render: python examples/scene.py OUT.png")
    render_reference(build_scene(), Path(sys.argv[1]).resolve())
