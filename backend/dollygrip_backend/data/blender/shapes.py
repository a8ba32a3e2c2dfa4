"""Meshes made once per process and shared by every object of every scene."""

from functools import cache

import bmesh
import bpy
import numpy as np

BUILDERS = {
    "plane": lambda bm: bmesh.ops.create_grid(bm, x_segments=1, y_segments=1, size=0.5),
    "cube": lambda bm: bmesh.ops.create_cube(bm, size=1),
    "cylinder": lambda bm: _cone(bm, 0.5, 0.5),
    "cone": lambda bm: _cone(bm, 0.5, 0.0),
    "frustum": lambda bm: _cone(bm, 0.5, 0.3),
    "cup": lambda bm: _cone(bm, 0.35, 0.5),
    "sphere": lambda bm: bmesh.ops.create_uvsphere(bm, u_segments=24, v_segments=14, radius=0.5),
    "monkey": lambda bm: bmesh.ops.create_monkey(bm),
    "cushion": lambda bm: _cushion(bm),
    "roof": lambda bm: _roof(bm),
    "torus": lambda bm: _torus(bm),
}
SMOOTH = {"cylinder", "cone", "frustum", "cup", "sphere", "monkey", "cushion", "torus"}


@cache
def shape(name: str) -> bpy.types.Mesh:
    """A mesh of about unit size, centred on the origin: a key of BUILDERS, or rock_0..5, crown_0..5."""
    bm = bmesh.new()
    if name in BUILDERS:
        BUILDERS[name](bm)
    else:
        kind, variant = name.split("_")
        _lump(bm, int(variant), roughness=0.25 if kind == "rock" else 0.45, detail=3 if kind == "rock" else 4)
    bm.normal_update()
    mesh = bpy.data.meshes.new(name)
    bm.to_mesh(mesh)
    bm.free()
    mesh.polygons.foreach_set("use_smooth", np.full(len(mesh.polygons), name in SMOOTH or name.startswith("crown")))
    mesh.materials.append(None)  # the slot that each object fills with its own material
    return mesh


def terrain(rng: np.random.Generator, extent: float, relief: float, flat_radius: float):
    """A square height field (mesh, height(x, y) function): fractal noise, flat around the origin."""
    phase = rng.uniform(0, 2 * np.pi, (6, 3))
    direction = rng.normal(size=(6, 3, 2))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)

    def height(x, y):
        x, y = np.asarray(x, float), np.asarray(y, float)
        total = np.zeros(np.broadcast(x, y).shape)
        for octave in range(6):
            frequency = 2.0**octave * 2.5 / extent
            waves = [
                np.sin(
                    2 * np.pi * frequency * (direction[octave, k, 0] * x + direction[octave, k, 1] * y)
                    + phase[octave, k]
                )
                for k in range(3)
            ]
            total = total + 0.55**octave * (waves[0] * waves[1] + 0.5 * waves[2])
        far = np.clip((np.hypot(x, y) - flat_radius) / (0.35 * extent), 0, 1)
        return relief * total * far**1.5 + 0.02 * relief * total

    # Cells grow with the distance from the middle, so near ground is smooth and far hills are cheap.
    cells = 96
    line = np.linspace(-1, 1, cells)
    line = np.sign(line) * (0.25 * np.abs(line) + 0.75 * np.abs(line) ** 2.5) * extent
    gx, gy = np.meshgrid(line, line)
    vertices = np.stack([gx, gy, height(gx, gy)], -1).reshape(-1, 3)
    corner = (np.arange(cells - 1)[:, None] * cells + np.arange(cells - 1)).reshape(-1)
    faces = np.stack([corner, corner + 1, corner + cells + 1, corner + cells], -1)
    mesh = bpy.data.meshes.new("terrain")
    mesh.from_pydata(vertices.tolist(), [], faces.tolist())
    mesh.polygons.foreach_set("use_smooth", np.full(len(mesh.polygons), True))
    mesh.materials.append(None)
    return mesh, height


def _cone(bm, bottom: float, top: float) -> None:
    bmesh.ops.create_cone(bm, cap_ends=True, segments=20, radius1=bottom, radius2=top, depth=1)


def _cushion(bm) -> None:
    bmesh.ops.create_cube(bm, size=1)
    bmesh.ops.bevel(bm, geom=bm.edges[:], offset=0.14, segments=3, affect="EDGES", profile=0.5)


def _roof(bm) -> None:
    """A gable roof: ridge along x, unit footprint, unit height."""
    points = [(-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0), (-0.5, 0, 1), (0.5, 0, 1)]
    v = [bm.verts.new(p) for p in points]
    for face in ((0, 1, 5, 4), (2, 3, 4, 5), (1, 2, 5), (3, 0, 4), (3, 2, 1, 0)):
        bm.faces.new([v[i] for i in face])


def _torus(bm, major: float = 0.38, minor: float = 0.12, around: int = 28, across: int = 12) -> None:
    a = np.linspace(0, 2 * np.pi, around, endpoint=False)
    b = np.linspace(0, 2 * np.pi, across, endpoint=False)
    ring = major + minor * np.cos(b)
    rows = [
        [bm.verts.new((r * np.cos(t), r * np.sin(t), minor * np.sin(s))) for r, s in zip(ring, b, strict=True)]
        for t in a
    ]
    for i in range(around):
        for j in range(across):
            k, m = (i + 1) % around, (j + 1) % across
            bm.faces.new((rows[i][j], rows[k][j], rows[k][m], rows[i][m]))


def _lump(bm, variant: int, roughness: float, detail: int) -> None:
    """An icosphere displaced by a few random waves."""
    rng = np.random.default_rng(variant)
    bmesh.ops.create_icosphere(bm, subdivisions=detail, radius=0.5)
    waves, phases = rng.normal(size=(10, 3)) * rng.uniform(2, 14, (10, 1)), rng.uniform(0, 7, 10)
    for v in bm.verts:
        p = np.array(v.co)
        v.co *= 1 + roughness * float(np.mean(np.sin(waves @ p * 2 + phases))) * 1.6
