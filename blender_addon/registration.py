"""Packages of the extension register their modules, as `bpy.utils.register_classes_factory` does classes."""

from collections.abc import Callable
from types import ModuleType


def register_modules_factory(*modules: ModuleType) -> tuple[Callable[[], None], Callable[[], None]]:
    """Functions that call every module's `register` in order, and every module's `unregister` in reverse order."""

    def register() -> None:
        for module in modules:
            module.register()

    def unregister() -> None:
        for module in reversed(modules):
            module.unregister()

    return register, unregister
