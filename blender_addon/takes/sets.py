"""Which objects are set proxies: surfaces in the scene that show what a take's reference shows."""

import bpy

from . import census, takes

_KEY = "dollygrip_set"
_ASIDE = "dollygrip_aside"  # marks what is hidden because another shot is shown, and not by the animator


def mark(thing: bpy.types.Object, reference: bpy.types.Image) -> None:
    """Let an object be the proxy of a reference."""
    thing[_KEY] = reference
    census.forget()


def is_proxy(thing: bpy.types.Object) -> bool:
    """Whether an object is a set proxy."""
    return _KEY in thing


def proxies(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """All set proxies of a scene."""
    return [thing for thing in census.marked(scene, _KEY) if is_proxy(thing)]


def proxy_of(scene: bpy.types.Scene, take: bpy.types.Action | None) -> bpy.types.Object | None:
    """The proxy of a take's reference, if there is one."""
    image = takes.reference_image(take) if take else None
    return next((proxy for proxy in proxies(scene) if image and proxy[_KEY] == image), None)


def is_missing(scene: bpy.types.Scene, take: bpy.types.Action) -> bool:
    """Whether a take's reference shows a set that the scene has neither as its own geometry nor as a proxy."""
    pictured = takes.reference_image(take) and not takes.has_exact_depth(take)
    return bool(pictured) and proxy_of(scene, take) is None


def is_offered(scene: bpy.types.Scene, shot: bpy.types.Object | None) -> bool:
    """Whether a shot's camera sees nothing of its take's picture yet, nor a place of the scene that it starts at."""
    take = takes.shown(shot)
    return take is not None and not takes.brief_of(scene, shot).start and is_missing(scene, take)


def show_alone(scene: bpy.types.Scene, proxy: bpy.types.Object | None) -> None:
    """Let viewports show no set but this one, or none at all. What the animator has hidden stays hidden."""
    for each in [each for each in proxies(scene) if not each.library]:
        if each != proxy and not each.hide_viewport:
            each.hide_viewport = each[_ASIDE] = True
        elif each == proxy and _ASIDE in each:
            each.hide_viewport = False
            del each[_ASIDE]
