"""The references of shots and scenes that were appended: relative to their own file, they are found from this one.

Blender keeps its own paths right when it appends; a brief's reference is text. Blender 4.2 tells nobody when it
appends: there, the picture of the shot's take stands in (takes.chosen_reference).
"""

import bpy

from ..takes import takes


@bpy.app.handlers.persistent
def after_appending(imported) -> None:
    """imported: bpy.types.BlendImportContext."""
    copied = {item.id: item for item in imported.import_items if item.append_action in {"MAKE_LOCAL", "COPY_LOCAL"}}
    for owner, brief in takes.briefs():
        if owner in copied and brief.reference.startswith("//"):
            found = bpy.path.abspath(brief.reference, library=copied[owner].source_library)
            brief.reference = takes.beside(found)


def register() -> None:
    if hasattr(bpy.app.handlers, "blend_import_post"):
        bpy.app.handlers.blend_import_post.append(after_appending)


def unregister() -> None:
    if hasattr(bpy.app.handlers, "blend_import_post"):
        bpy.app.handlers.blend_import_post.remove(after_appending)
