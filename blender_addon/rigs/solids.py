"""The scene's meshes as a camera can run into them: what is near to a place, what is crossed on the way to it.

Distances are to surfaces, on either side, so a camera inside of a room is fine. Meshes are asked through Blender's own
trees, which it keeps while a mesh does not change; the trees of large ones would take longer to build than a tick of
the interface may last, so those are split into parts, once, as they are on the first frame.
"""

from collections.abc import Iterator
from itertools import pairwise
from math import inf

import attrs
import bpy
import numpy as np
from mathutils import Matrix, Vector
from mathutils.bvhtree import BVHTree

from ..camera import rays
from ..takes import sets, takes

_LARGE, _PART = 40_000, 5_000  # polygons of a mesh that is split, and of a part


@attrs.frozen
class Touch:
    """The nearest thing on a frame. distance: in Blender units, 0 where the camera goes through it since the frame
    before."""

    frame: int
    name: str
    distance: float


class Solids:
    """The meshes that a camera can run into: all that is seen, but what it carries and what is not rendered.

    Of the set proxies, which are not rendered, that of the shown take's reference counts.
    """

    def __init__(self, context: bpy.types.Context, camera: bpy.types.Object):
        self.context, self.camera = context, camera
        self.set = sets.proxy_of(context.scene, takes.shown(camera))
        self.unrendered = rays.not_rendered(context.scene)
        self.parts: dict[str, list[BVHTree]] = {}

    def prepare(self) -> Iterator[None]:
        """Split the large meshes of the current frame; pauses after each part."""
        large = {thing.data.name: thing.data for thing, _ in self._seen() if len(thing.data.polygons) > _LARGE}
        copies = {name: _copied(mesh) for name, mesh in large.items()}
        for name, (points, corners, starts) in copies.items():
            trees = []
            for part in range(0, len(starts) - 1, _PART):
                ends = starts[part : part + _PART + 1]
                used, own = np.unique(corners[ends[0] : ends[-1]], return_inverse=True)
                own, cuts = own.tolist(), (ends - ends[0]).tolist()
                polygons = [own[start:end] for start, end in pairwise(cuts)]
                trees.append(BVHTree.FromPolygons(points[used].tolist(), polygons))
                yield
            self.parts[name] = trees

    def touch(self, frame: int, before: Vector | None, place: Vector, reach: float) -> Touch | None:
        """What stands in the way from `before` to `place` on the current frame, else what is nearer than `reach`."""
        near: Touch | None = None
        for thing, matrix in self._seen():
            trees = self.parts.get(thing.data.name)
            inverse = matrix.inverted_safe()
            crossed = before and before != place and _is_crossed(thing, trees, inverse @ before, inverse @ place)
            distance = 0.0 if crossed else _distance(thing, trees, matrix, place, reach)
            if distance < (near.distance if near else inf):
                near = Touch(frame, thing.original.name, distance)
        return near

    def _seen(self) -> Iterator[tuple[bpy.types.Object, Matrix]]:
        for instance in self.context.evaluated_depsgraph_get().object_instances:
            thing = instance.object
            owner = instance.parent.original if instance.is_instance else thing.original
            solid = owner == self.set or not (owner in self.unrendered or sets.is_proxy(owner))
            solid = solid and thing.type == "MESH" and len(thing.data.polygons)
            if solid and instance.show_self and not self._carried(owner):
                yield thing, instance.matrix_world.copy()

    def _carried(self, thing: bpy.types.Object | None) -> bool:
        while thing is not None and thing != self.camera:
            thing = thing.parent
        return thing is not None


def _copied(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (N, 3), the point of each corner (C,), and the first corner of each polygon and the end (P + 1,)."""
    points, corners = np.empty(3 * len(mesh.vertices), np.float32), np.empty(len(mesh.loops), np.int32)
    starts = np.full(len(mesh.polygons) + 1, len(mesh.loops), np.int32)
    mesh.attributes["position"].data.foreach_get("vector", points)  # plain copies: loops take 10 times longer
    mesh.attributes[".corner_vert"].data.foreach_get("value", corners)
    mesh.polygons.foreach_get("loop_start", starts[:-1])
    return points.reshape(-1, 3), corners, starts


def _is_crossed(thing, trees, start: Vector, end: Vector) -> bool:
    """Whether a surface lies between two places of the thing's own space."""
    way = end - start
    if trees is None:
        return thing.ray_cast(start, way.normalized(), distance=way.length)[0]
    return any(tree.ray_cast(start, way.normalized(), way.length)[0] is not None for tree in trees)


def _distance(thing, trees, matrix: Matrix, place: Vector, reach: float) -> float:
    """To the nearest surface, in Blender units; infinite where none is nearer than `reach`."""
    local, within = matrix.inverted_safe() @ place, reach / max(min(matrix.to_scale()), 1e-9)
    if trees is None:
        hit, point, _, _ = thing.closest_point_on_mesh(local, distance=within)
        points = [point] if hit else []
    else:
        points = [point for tree in trees if (point := tree.find_nearest(local, within)[0]) is not None]
    nearest = min(points, key=lambda point: (point - local).length, default=None)
    distance = (place - matrix @ nearest).length if nearest else inf
    return distance if distance < reach else inf
