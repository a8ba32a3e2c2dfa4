"""Dollygrip for Blender: a picture and a prompt become an editable camera, and that camera a video strip."""

from . import (
    backend,
    direct,
    drawing,
    live,
    menu,
    preferences,
    properties,
    references,
    render,
    resume,
    rigs,
    shared_brief,
    shots,
    sidebar,
    takes,
)
from .registration import register_modules_factory

register, unregister = register_modules_factory(
    properties,
    shared_brief,
    backend,
    takes,
    rigs,
    shots,
    references,
    direct,
    render,
    drawing,
    live,
    resume,
    preferences,
    sidebar,
    menu,
)
