"""The colours of a strip: what the sequencer puts out is what lies in the strip's files, whatever the scene's view.

The view transform applies to the sequencer too: AgX would change every colour of a finished picture. A strip may name
the colour space that a view undoes, so the scene, which is the animator's, is left alone.
"""

from typing import Any

import bpy

NEUTRAL = (("view_transform", "Standard"), ("look", "None"), ("exposure", 0.0), ("gamma", 1.0))  # of a scene's view
CHANGED = "The scene's view changes the strip's colours: Show True Colours undoes that."
_UNDONE = {
    "Standard": "sRGB",
    "AgX": "AgX Base sRGB",
    "Filmic": "Filmic sRGB",
}  # colour spaces, by view transform
_BENDS = ("use_curve_mapping", "use_white_balance")  # settings of a view that no colour space undoes; 4.3 brought one


def are_true(scene: bpy.types.Scene, strip) -> bool:
    """Whether the scene's view shows the files of a strip in their own colours."""
    return strip.colorspace_settings.name == _undone_by(scene.view_settings)


def undo_view(scene: bpy.types.Scene, strip) -> None:
    """Give a strip the colour space that the scene's view undoes; sRGB, which its files are in, where there is none."""
    space = strip.colorspace_settings
    if not set_known(space, "name", _undone_by(scene.view_settings)):
        set_known(space, "name", "sRGB")


def show(scene: bpy.types.Scene, *strips) -> str:
    """Let strips show their own colours, if need be by a neutral view of the scene; returns what that changed."""
    said = "" if _undone_by(scene.view_settings) else _neutralise(scene)
    for strip in strips:
        undo_view(scene, strip)
    return said


def _undone_by(view: bpy.types.ColorManagedViewSettings) -> str:
    """The colour space that a view undoes, "" where none is known."""
    plain = all(getattr(view, name) == value for name, value in NEUTRAL[1:])
    bent = any(getattr(view, name, False) for name in _BENDS)
    return _UNDONE.get(view.view_transform, "") if plain and not bent else ""


def _neutralise(scene: bpy.types.Scene) -> str:
    """Let the scene's view show pixels as they are; returns what was changed or cannot be, for the user."""
    view, space = scene.view_settings, scene.sequencer_colorspace_settings
    bends = [(name, False) for name in _BENDS if hasattr(view, name)]
    settings = [(view, name, value, name.removeprefix("use_").replace("_", " ")) for name, value in (*NEUTRAL, *bends)]
    changed, lacking = [], []
    for owner, name, neutral, called in [*settings, (space, "name", "sRGB", "sequencer colour space")]:
        if (was := getattr(owner, name)) == neutral:
            continue
        if set_known(owner, name, neutral):
            shown = f"{was:g}" if isinstance(was, float) else was
            changed.append(f"{called} from {shown} to {neutral}")
        else:
            lacking.append(f"{called} {neutral}")
    said = []
    if changed:
        listed = ", ".join(changed)
        said = [f"So that the strip shows its own colours, these settings of the scene were changed: {listed}."]
    if lacking:
        said.append(f"The strip may show other colours: this colour configuration has no {' and no '.join(lacking)}.")
    return " ".join(said)


def set_known(owner: Any, name: str, value: Any) -> bool:
    """Set a property where its value is known, which a studio's colour configuration may lack; whether it was set."""
    try:
        setattr(owner, name, value)
    except TypeError:
        return False
    return True
