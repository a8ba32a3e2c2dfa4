"""Which backend the user named."""

import bpy

EXTENSION = __package__.rpartition(".")[0]


def backend_executable() -> str:
    """The executable in the extension's preferences, or "": a script may enable the extension without preferences."""
    addon = bpy.context.preferences.addons.get(EXTENSION)
    return bpy.path.abspath(addon.preferences.backend) if addon else ""
