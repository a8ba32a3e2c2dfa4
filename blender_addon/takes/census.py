"""Which objects of a scene are Dollygrip's, without a look at all of its objects: panels ask many times a redraw.

What was found is remembered as long as Blender knows of no change to what its scenes hold. It notes each in all
dependency graphs at once, before they are evaluated and handlers are told: so scripts, too, get what there is.
Where no graph is up to date, as in a script in the background, the objects are looked at.
"""

from collections.abc import Callable
from typing import Any

import bpy

_known: dict[tuple[int, str], Any] = {}  # by a scene's session_uid and what is asked of it


def marked(scene: bpy.types.Scene, key: str) -> dict[bpy.types.Object, int]:
    """The objects of a scene that have a custom property `key`, in the scene's order, with their places in that.

    Who gives an object that property calls `forget`, for Blender takes no note of it.
    """
    return _remembered(scene, key, lambda: {thing: i for i, thing in enumerate(scene.objects) if key in thing})


def count(scene: bpy.types.Scene) -> int:
    """How many objects a scene has."""
    return _remembered(scene, "", lambda: len(scene.objects))


@bpy.app.handlers.persistent
def forget(*_) -> None:
    """Look anew the next time; before undo and loading, which free what is remembered, as after them."""
    _known.clear()


def _remembered(scene: bpy.types.Scene, asked: str, look: Callable[[], Any]) -> Any:
    if not _is_settled():
        return look()
    place = scene.session_uid, asked
    if place not in _known:
        _known[place] = look()
    return _known[place]


def _is_settled() -> bool:
    """Whether a graph was evaluated since objects came or went: a change is noted in all, whatever scene it is in."""
    graphs = (layer.depsgraph for scene in bpy.data.scenes for layer in scene.view_layers)
    return any(graph and not graph.id_type_updated("COLLECTION") for graph in graphs)


def _listener(handlers: list) -> Callable[..., None]:
    """A handler that hears of each evaluated graph, after all others: of what those do, Blender tells nobody."""

    @bpy.app.handlers.persistent
    def evaluated(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
        if handlers.count(evaluated) > 1:
            handlers.remove(evaluated)
        elif handlers[-1] is not evaluated:
            handlers.append(evaluated)  # Blender goes on to it this very time
        if depsgraph.id_type_updated("COLLECTION"):
            forget()

    return evaluated


_CHANGED = [
    (handlers, _listener(handlers))
    for handlers in (bpy.app.handlers.depsgraph_update_post, bpy.app.handlers.frame_change_post)
]
_REPLACED = [
    (getattr(bpy.app.handlers, f"{what}_{when}"), forget)
    for what in ("undo", "redo", "load")
    for when in ("pre", "post")
]


def register() -> None:
    for handlers, handler in _CHANGED + _REPLACED:
        handlers.append(handler)


def unregister() -> None:
    for handlers, handler in _CHANGED + _REPLACED:
        handlers.remove(handler)
    forget()
