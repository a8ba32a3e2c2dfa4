"""Procedural materials. Textures are mapped by world position, so that no object stretches its pattern."""

import colorsys

import bpy
import numpy as np

RGBA = tuple[float, float, float, float]


# Hue, saturation and value (sRGB) of what everybody calls by the same word.
COLOURS = {
    "red": ((-0.02, 0.02), (0.75, 0.95), (0.5, 0.9)),
    "orange": ((0.065, 0.09), (0.8, 0.95), (0.85, 0.97)),
    "yellow": ((0.14, 0.165), (0.7, 0.95), (0.85, 0.97)),
    "green": ((0.28, 0.4), (0.5, 0.9), (0.3, 0.75)),
    "blue": ((0.56, 0.65), (0.6, 0.95), (0.4, 0.9)),
    "purple": ((0.745, 0.8), (0.5, 0.9), (0.35, 0.7)),
    "pink": ((0.9, 0.97), (0.3, 0.5), (0.9, 0.97)),
    "brown": ((0.05, 0.08), (0.5, 0.75), (0.28, 0.42)),
    "black": ((0.0, 1.0), (0.0, 0.1), (0.08, 0.14)),
    "white": ((0.0, 1.0), (0.0, 0.05), (0.92, 0.97)),
    "grey": ((0.0, 1.0), (0.0, 0.06), (0.4, 0.65)),
}


class Palette:
    """A scene's colours: a few related hues, so that a picture looks designed rather than random."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        base = rng.uniform()
        self.hues = (base + rng.choice([0.0, 0.04, 0.08, 0.5, 0.33, -0.08], 4)) % 1.0
        self.saturation = rng.beta(1.4, 3.2)
        self.value = rng.uniform(0.35, 0.8)

    def colour(self, hue: float | None = None, spread: float = 0.05) -> RGBA:
        """A linear RGB colour; `hue` in [0, 1] overrides the palette."""
        rng = self.rng
        h = (rng.choice(self.hues) if hue is None else hue) + rng.normal() * spread
        if rng.uniform() < 0.12:
            h = rng.uniform()
        s = np.clip(self.saturation + rng.normal() * 0.2, 0, 0.95)
        v = np.clip(self.value + rng.normal() * 0.22, 0.03, 0.95)
        return (*(c**2.2 for c in colorsys.hsv_to_rgb(h % 1.0, s, v)), 1.0)

    def near(self, colour: RGBA, contrast: float = 0.5) -> RGBA:
        """A lighter or darker relative of `colour`."""
        factor = np.exp(self.rng.normal() * contrast + self.rng.normal(size=3) * 0.08)
        return (*np.clip(np.array(colour[:3]) * factor, 0.005, 0.95).tolist(), 1.0)


class Materials:
    """Makes materials for one scene; `named(kind)` gives one of the patterns below, `any()` one at random."""

    KINDS = ("plain", "plain", "noise", "cells", "wood", "stripes", "checker", "painting")

    def __init__(self, rng: np.random.Generator):
        self.rng, self.palette = rng, Palette(rng)

    def any(self) -> bpy.types.Material:
        return self.named(str(self.rng.choice(self.KINDS)))

    def clear(self) -> bpy.types.Material:
        """A plain material of one colour word."""
        ranges = list(COLOURS.values())[self.rng.integers(len(COLOURS))]
        h, s, v = (self.rng.uniform(*r) for r in ranges)
        return self.named("plain", colour=(*(c**2.2 for c in colorsys.hsv_to_rgb(h % 1, s, v)), 1.0))

    def named(
        self,
        kind: str,
        hue: float | None = None,
        size: float = 1.0,
        gloss: float | None = None,
        colour: RGBA | None = None,
    ) -> bpy.types.Material:
        """A material: plain, noise, cells, wood, stripes, checker, brick, tiles, planks, facade, painting, skin, leaf,
        glow. `size` in metres scales the pattern; `gloss` is the share of mirror-like light, by default mostly none;
        `colour` overrides the palette's.

        Diffuse and glossy nodes, not the Principled one: that costs five times as much a sample on a CPU.
        """
        material = bpy.data.materials.new(kind)
        nodes, links = _cleared(material)
        first = colour or self._colour_of(kind, hue)
        second = self.palette.near(first, 0.8 if kind in ("painting", "checker", "facade") else 0.45)
        if kind == "painting":
            second = self.palette.colour(spread=0.3)
        shader = nodes.new("ShaderNodeEmission" if kind == "glow" else "ShaderNodeBsdfDiffuse")
        if kind == "glow":
            shader.inputs[0].default_value = (*(np.array(first[:3]) * 0.3 + 0.7), 1)
            shader.inputs["Strength"].default_value = self.rng.uniform(1, 4)
        elif kind in ("plain", "skin"):
            shader.inputs[0].default_value = first
        else:
            links.new(self._pattern(nodes, links, kind, first, second, size), shader.inputs[0])
        if gloss is None:
            gloss = self.rng.uniform(0.03, 0.3) if kind == "plain" and self.rng.uniform() < 0.3 else 0.0
        out = nodes.new("ShaderNodeOutputMaterial")
        links.new((self._glossed(nodes, links, shader, gloss) if gloss else shader).outputs[0], out.inputs[0])
        return material

    def _glossed(self, nodes, links, shader, share: float):
        mix, glossy = nodes.new("ShaderNodeMixShader"), nodes.new("ShaderNodeBsdfGlossy")
        mix.inputs[0].default_value = share
        glossy.inputs["Roughness"].default_value = self.rng.uniform(0.05, 0.4)
        links.new(shader.outputs[0], mix.inputs[1])
        links.new(glossy.outputs[0], mix.inputs[2])
        return mix

    def _colour_of(self, kind: str, hue: float | None) -> RGBA:
        if kind == "skin":
            tone = np.array([0.75, 0.45, 0.33]) * self.rng.uniform(0.25, 1.05)
            return (*np.clip(tone, 0, 0.9), 1.0)
        if kind in ("wood", "planks") and hue is None:
            hue = self.rng.uniform(0.04, 0.1)
        if kind == "leaf":
            hue = self.rng.choice([0.25, 0.3, 0.35, 0.12, 0.95], p=[0.35, 0.25, 0.2, 0.13, 0.07])
        return self.palette.colour(hue)

    def _pattern(self, nodes, links, kind: str, first: RGBA, second: RGBA, size: float):
        """The colour output of a texture over world position."""
        vector = _position(nodes, links, wall=kind in ("brick", "facade"))
        if kind in ("brick", "facade", "tiles", "planks"):
            texture = self._bricks(nodes, kind, first, second, size)
        elif kind == "checker":
            texture = nodes.new("ShaderNodeTexChecker")
            texture.inputs["Scale"].default_value = self.rng.uniform(1, 6) / size
            texture.inputs["Color1"].default_value = first
            texture.inputs["Color2"].default_value = second
        else:
            return self._ramped(nodes, links, vector, kind, first, second, size)
        links.new(vector, texture.inputs["Vector"])
        return texture.outputs["Color"]

    def _bricks(self, nodes, kind: str, first: RGBA, second: RGBA, size: float):
        rng, texture = self.rng, nodes.new("ShaderNodeTexBrick")
        texture.inputs["Color1"].default_value = first
        texture.inputs["Color2"].default_value = self.palette.near(first, 0.2 if kind != "facade" else 0.6)
        texture.inputs["Mortar"].default_value = second
        texture.inputs["Scale"].default_value = 1 / size
        width, height, mortar = {
            "brick": (rng.uniform(0.2, 0.5), rng.uniform(0.08, 0.25), rng.uniform(0.005, 0.02)),
            "facade": (rng.uniform(1.6, 3.2), rng.uniform(2.2, 3.6), rng.uniform(0.25, 0.6)),
            "tiles": (*(2 * [rng.uniform(0.25, 0.9)]), rng.uniform(0.005, 0.03)),
            "planks": (rng.uniform(1.0, 2.5), rng.uniform(0.09, 0.22), 0.005),
        }[kind]
        texture.inputs["Brick Width"].default_value = width
        texture.inputs["Row Height"].default_value = height
        texture.inputs["Mortar Size"].default_value = mortar
        texture.offset = 0.0 if kind in ("facade", "tiles") else 0.5
        return texture

    def _ramped(self, nodes, links, vector, kind: str, first: RGBA, second: RGBA, size: float):
        """The colour output of a texture of one value, which leads from one colour to the other."""
        rng = self.rng
        if kind in ("wood", "stripes"):
            texture = nodes.new("ShaderNodeTexWave")
            texture.inputs["Scale"].default_value = rng.uniform(0.6, 4) / size
            texture.inputs["Distortion"].default_value = rng.uniform(3, 12) if kind == "wood" else 0.0
            texture.inputs["Detail"].default_value = 2.0
            texture.bands_direction = str(rng.choice(["X", "Y", "Z"]))
            factor = texture.outputs["Fac"]
        elif kind == "cells":
            texture = nodes.new("ShaderNodeTexVoronoi")
            texture.inputs["Scale"].default_value = rng.uniform(2, 10) / size
            factor = texture.outputs["Distance"]
        else:  # noise, leaf, painting
            texture = nodes.new("ShaderNodeTexNoise")
            texture.inputs["Scale"].default_value = {"leaf": 6.0, "painting": 2.5}.get(kind, rng.uniform(1, 8)) / size
            texture.inputs["Detail"].default_value = 3.0
            factor = texture.outputs["Fac"]
        links.new(vector, texture.inputs["Vector"])
        ramp = nodes.new("ShaderNodeValToRGB")
        spread = 0.1 if kind == "painting" else rng.uniform(0.1, 0.3)
        for element, position, colour in zip(
            ramp.color_ramp.elements, (0.5 - spread, 0.5 + spread), (first, second), strict=True
        ):
            element.position, element.color = position, colour
        links.new(factor, ramp.inputs[0])
        return ramp.outputs[0]


def _cleared(material: bpy.types.Material):
    material.use_nodes = True
    material.node_tree.nodes.clear()
    return material.node_tree.nodes, material.node_tree.links


def _position(nodes, links, wall: bool):
    """World position; for walls (x + y, z, 0), so that bricks lie level on walls of either direction."""
    geometry = nodes.new("ShaderNodeNewGeometry")
    if not wall:
        return geometry.outputs["Position"]
    split, join = nodes.new("ShaderNodeSeparateXYZ"), nodes.new("ShaderNodeCombineXYZ")
    add = nodes.new("ShaderNodeMath")
    links.new(geometry.outputs["Position"], split.inputs[0])
    links.new(split.outputs[0], add.inputs[0])
    links.new(split.outputs[1], add.inputs[1])
    links.new(add.outputs[0], join.inputs[0])
    links.new(split.outputs[2], join.inputs[1])
    return join.outputs[0]
