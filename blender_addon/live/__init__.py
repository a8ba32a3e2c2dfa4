"""The camera's way in the viewport: of the shown takes, and of live direction while a prompt is typed."""

from ..registration import register_modules_factory
from . import live, overlay

register, unregister = register_modules_factory(live, overlay)
