"""Dollygrip for Blender: a picture and a prompt become an editable camera, and that camera a video strip."""

from . import files, operators, overlay, panels, preferences, properties, session

_modules = (preferences, properties, session, operators, files, panels, overlay)


def register() -> None:
    for module in _modules:
        module.register()


def unregister() -> None:
    for module in reversed(_modules):
        module.unregister()
