"""Scenes that are linked from another file: nothing is made in them, for it could not be linked there or saved here."""

from pathlib import Path

import bpy

from dollygrip.errors import InputError


def own_scenes() -> list[bpy.types.Scene]:
    """The scenes of this file alone: a linked one may have the name of one of them."""
    return [scene for scene in bpy.data.scenes if not scene.library]


def check(scene: bpy.types.Scene) -> None:
    """Raise InputError for a linked scene."""
    if scene.library:
        raise InputError(*_said(scene))


def is_own(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """Poll of operators that make something: whether the scene is of this file, and not linked."""
    if context.scene.library:
        operator.poll_message_set(" ".join(_said(context.scene)))
    return not context.scene.library


def _said(scene: bpy.types.Scene) -> tuple[str, str]:
    """What is wrong, and the way out."""
    file = Path(scene.library.filepath).name
    return (
        f"The scene {scene.name} is linked from {file}, so nothing can be made in it here.",
        f"Make it local by the icon beside its name, or work in {file}.",
    )
