"""Dollygrip for Blender: a picture and a prompt become an editable camera, and that camera a video strip."""

from . import (
    collisions,
    direct,
    drawing,
    files,
    live,
    operators,
    overlay,
    panels,
    paths,
    physics,
    plot,
    preferences,
    properties,
    references,
    refit,
    resume,
    rigs,
    session,
    set_proxy,
    shot_operators,
    subject,
)

_modules = (
    preferences,
    properties,
    paths,
    resume,
    session,
    operators,
    shot_operators,
    references,
    subject,
    set_proxy,
    rigs,
    refit,
    physics,
    collisions,
    direct,
    files,
    drawing,
    live,
    plot,
    panels,
    overlay,
)


def register() -> None:
    for module in _modules:
        module.register()


def unregister() -> None:
    for module in reversed(_modules):
        module.unregister()
