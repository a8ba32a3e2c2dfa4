"""The Blender side of a scene: placing objects, the sky, the lamps, and asking the geometry for distances."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from materials import Materials
from mathutils import Euler, Matrix, Vector
from shapes import shape

Framing = tuple[np.ndarray, np.ndarray]  # position and target of a camera
Sampler = Callable[[], Framing]
SKIES = ("city", "courtyard", "forest", "interior", "night", "studio", "sunrise", "sunset")


class Stage:
    """One scene under construction. Blender axes and metres: z up; a camera usually looks along +y."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.materials = Materials(rng)
        self.collection = bpy.context.scene.collection
        self.names = [""]  # by object index; 0 is what has no name
        self._index = 0
        _remove_all()

    @contextmanager
    def thing(self, name: str) -> Iterator[None]:
        """What is put inside belongs to one new object called `name`; an inner one takes its parts for itself."""
        outer, self._index = self._index, len(self.names)
        self.names.append(name)
        yield
        self._index = outer

    def put(self, what, at, size=1.0, turn=0.0, material=None, parent=None, tilt=(0.0, 0.0)) -> bpy.types.Object:
        """Places a shape (a name or a mesh). at: centre; size: scalar or (x, y, z); turn: about z, tilt: about x and y,
        radians; parent: a 4x4 Matrix that places a whole prop."""
        mesh = shape(what) if isinstance(what, str) else what
        thing = bpy.data.objects.new(mesh.name, mesh)
        self.collection.objects.link(thing)
        scale = Vector((size,) * 3) if np.isscalar(size) else Vector(size)
        local = Matrix.LocRotScale(Vector(at), Euler((tilt[0], tilt[1], turn)), scale)
        thing.matrix_world = parent @ local if parent else local
        thing.pass_index = self._index
        slot = thing.material_slots[0]
        slot.link = "OBJECT"
        slot.material = material or self.materials.any()
        return thing

    def lamp(self, kind: str, at, energy: float, size: float = 0.5, tilt=(0.0, 0.0, 0.0), warmth: float = 0.0) -> None:
        """A POINT, AREA (watts) or SUN (watts per square metre) lamp; warmth -1 (blue) to 1 (orange)."""
        light = bpy.data.lights.new(kind, kind)
        light.energy = energy
        light.color = (1 + 0.2 * min(warmth, 0), 1 - 0.15 * abs(warmth), 1 - 0.4 * max(warmth, 0))
        if kind == "SUN":
            light.angle = size
        elif kind == "AREA":
            light.size = size
        else:
            light.shadow_soft_size = size
        lamp = bpy.data.objects.new(kind, light)
        self.collection.objects.link(lamp)
        lamp.matrix_world = Matrix.LocRotScale(Vector(at), Euler(tilt), None)

    def sky(self, outdoors: bool) -> None:
        """A world: one of Blender's studio maps, a gradient or a plain colour, with a sun where it fits."""
        rng = self.rng
        world = bpy.context.scene.world
        nodes, links = world.node_tree.nodes, world.node_tree.links
        nodes.clear()
        background, out = nodes.new("ShaderNodeBackground"), nodes.new("ShaderNodeOutputWorld")
        links.new(background.outputs[0], out.inputs[0])
        kind = rng.choice(["map", "gradient", "plain"], p=[0.45, 0.4, 0.15] if outdoors else [0.4, 0.1, 0.5])
        background.inputs["Strength"].default_value = rng.uniform(0.6, 1.2) if outdoors else rng.uniform(0.25, 0.8)
        if kind == "map":
            # What these photographs show (trees, houses) would count as sky: they light the scene, the camera sees a
            # gradient.
            mix, path = nodes.new("ShaderNodeMix"), nodes.new("ShaderNodeLightPath")
            mix.data_type = "RGBA"
            links.new(path.outputs["Is Camera Ray"], mix.inputs["Factor"])
            links.new(self._sky_map(nodes, links), mix.inputs["A"])
            links.new(self._sky_gradient(nodes, links), mix.inputs["B"])
            links.new(mix.outputs["Result"], background.inputs[0])
        elif kind == "gradient":
            links.new(self._sky_gradient(nodes, links), background.inputs[0])
        else:
            grey = rng.uniform(0.4, 0.95)
            background.inputs[0].default_value = (
                grey * rng.uniform(0.8, 1),
                grey * 0.95,
                grey * rng.uniform(0.85, 1.1),
                1,
            )
        if outdoors and (kind != "plain" or rng.uniform() < 0.5):
            tilt = (rng.uniform(-1.2, 1.2), rng.uniform(-1.2, 1.2), 0)
            self.lamp("SUN", (0, 0, 10), rng.uniform(1.0, 4.5), rng.uniform(0.01, 0.12), tilt, rng.uniform(-0.2, 0.9))

    def _sky_map(self, nodes, links):
        name = str(self.rng.choice(SKIES, p=[0.16, 0.16, 0.16, 0.1, 0.04, 0.08, 0.15, 0.15]))
        folder = Path(bpy.utils.resource_path("LOCAL")) / "datafiles" / "studiolights" / "world"
        texture, turn = nodes.new("ShaderNodeTexEnvironment"), nodes.new("ShaderNodeMapping")
        texture.image = bpy.data.images.load(str(folder / f"{name}.exr"), check_existing=True)
        turn.inputs["Rotation"].default_value[2] = self.rng.uniform(0, 2 * np.pi)
        links.new(nodes.new("ShaderNodeTexCoord").outputs["Generated"], turn.inputs[0])
        links.new(turn.outputs[0], texture.inputs[0])
        return texture.outputs[0]

    def _sky_gradient(self, nodes, links):
        """Horizon to zenith, with drifting clouds in half of the cases."""
        rng = self.rng
        split, ramp = nodes.new("ShaderNodeSeparateXYZ"), nodes.new("ShaderNodeValToRGB")
        coordinates = nodes.new("ShaderNodeTexCoord").outputs["Generated"]
        links.new(coordinates, split.inputs[0])
        links.new(split.outputs[2], ramp.inputs[0])
        blue = np.array([0.12, 0.28, 0.75]) * rng.uniform(0.5, 1.3)
        pale = np.array([0.7, 0.75, 0.85]) * rng.uniform(0.7, 1.1)
        if rng.uniform() < 0.3:
            pale = np.array([0.95, 0.5, 0.25]) * rng.uniform(0.5, 1)
        low, high = ramp.color_ramp.elements
        low.position, low.color = 0.0, (*pale, 1)
        high.position, high.color = rng.uniform(0.3, 0.9), (*blue, 1)
        if rng.uniform() < 0.5:
            return ramp.outputs[0]
        clouds, mix, cut = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeMix"), nodes.new("ShaderNodeValToRGB")
        mix.data_type = "RGBA"
        links.new(coordinates, clouds.inputs["Vector"])
        clouds.inputs["Scale"].default_value, clouds.inputs["Detail"].default_value = rng.uniform(1.5, 6), 4
        cut.color_ramp.elements[0].position, cut.color_ramp.elements[1].position = 0.45, rng.uniform(0.55, 0.8)
        links.new(clouds.outputs["Fac"], cut.inputs[0])
        links.new(cut.outputs[0], mix.inputs["Factor"])
        links.new(ramp.outputs[0], mix.inputs["A"])
        mix.inputs["B"].default_value = (0.9, 0.9, 0.92, 1)
        return mix.outputs["Result"]


def place(x: float, y: float, z: float = 0.0, turn: float = 0.0, scale: float = 1.0) -> Matrix:
    """The matrix of a prop that stands at (x, y, z), turned about the vertical."""
    return Matrix.LocRotScale(Vector((x, y, z)), Euler((0, 0, turn)), Vector((scale,) * 3))


def surface_below(origin: Vector, direction: Vector, level: float) -> Vector | None:
    """Where a ray first meets the scene, if the surface there looks up with a normal of at least `level` along z."""
    graph = bpy.context.evaluated_depsgraph_get()
    hit, point, normal, *_ = bpy.context.scene.ray_cast(graph, origin, direction.normalized())
    return point if hit and normal.z > level else None


def distances(origin: Vector, directions: np.ndarray, limit: float = 1e4) -> np.ndarray:
    """Distance to the first surface along each unit direction (N, 3); inf where there is none within `limit`."""
    scene, graph = bpy.context.scene, bpy.context.evaluated_depsgraph_get()
    hits = (scene.ray_cast(graph, origin, Vector(d), distance=limit) for d in directions)
    return np.array([(hit[1] - origin).length if hit[0] else np.inf for hit in hits])


def _remove_all() -> None:
    """Empties the scene but for the camera; shared shapes and sky maps stay."""
    keep = bpy.context.scene.camera
    bpy.data.batch_remove([o for o in bpy.data.objects if o != keep])
    bpy.data.batch_remove([m for m in bpy.data.meshes if m.users == 0 and m.name.startswith("terrain")])
    bpy.data.batch_remove(list(bpy.data.materials))
    bpy.data.batch_remove(list(bpy.data.lights))
