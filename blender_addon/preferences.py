"""Preferences of the extension: where the backend is."""

import bpy
from bpy.props import StringProperty


class DOLLYGRIP_AP_preferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    backend: StringProperty(
        name="Backend",
        description="The `dollygrip` executable of the backend. Empty: the one that was set up last on this computer",
        subtype="FILE_PATH",
    )

    def draw(self, _context):
        column = self.layout.column()
        column.use_property_split = True
        column.prop(self, "backend", placeholder="The one that was set up last")
        column.label(text="`python build.py dev` sets a backend up and leaves its place here.", icon="INFO")


def backend_executable() -> str:
    """The executable that the user named, or "": a script may enable the extension without preferences."""
    addon = bpy.context.preferences.addons.get(__package__)
    return bpy.path.abspath(addon.preferences.backend) if addon else ""


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_AP_preferences,))
