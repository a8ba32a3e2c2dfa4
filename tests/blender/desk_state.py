"""What an animator would miss: the shots, takes, strips and sets of the open file, and what is out of reach."""

import bpy
import numpy as np
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.rigs import physics, rigs
from bl_ext.user_default.dollygrip.shots import shots, strips
from bl_ext.user_default.dollygrip.takes import sets, takes

FRAMES = (1, 5, 12)  # on which shots are looked at
KINDS = [p.identifier for p in bpy.types.BlendData.bl_rna.properties if p.type == "COLLECTION"]


def seen() -> dict:
    """All shots by what Blender evaluates, what is asked of them, their takes, the cuts, the strips and the sets."""
    scene = bpy.context.scene
    cameras = shots.of_scene(scene)
    views = views_of(scene, cameras)
    return {
        "shots": {shot.name: (take_list(shot), shots.spans(scene, shot), views[shot.name]) for shot in cameras},
        "prompts": {shot.name: shot.dollygrip_shot.brief.prompt for shot in cameras},
        "strips": sorted((strip.channel, *compat.span_of(strip), len(strip.elements)) for strip in rendered(scene)),
        "sets": sorted(proxy.name for proxy in sets.proxies(scene)),
        "takes": sorted(ids()),
    }


def take_list(shot) -> list[tuple]:
    """Name, id, star and rig of a shot's takes, and which of them animates it."""
    shown = takes.shown(shot)
    return [
        (e.action.name, takes.provenance(e.action)["id"], e.star, rigs.kind_of(e.action), e.action == shown)
        for e in shot.dollygrip_shot.takes
    ]


def views_of(scene, cameras) -> dict[str, list[float]]:
    """Where cameras are and how they look on FRAMES; the playhead is put back."""
    kept, found = scene.frame_current, {camera.name: [] for camera in cameras}
    for frame in FRAMES:
        scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        for camera in cameras:
            evaluated = camera.evaluated_get(graph)
            found[camera.name] += [*np.array(evaluated.matrix_world).ravel().tolist(), evaluated.data.lens]
    scene.frame_set(kept)
    return {name: np.round(numbers, 4).tolist() for name, numbers in found.items()}


def rendered(scene) -> list:
    return [strip for strip in compat.strips_of(scene) if strips.shot_of(strip)]


def ids() -> set[str]:
    """The takes of the file, whether a shot lists them or not."""
    return {takes.provenance(action)["id"] for action in bpy.data.actions if takes.is_take(action)}


def names() -> set[tuple[str, str]]:
    """All data blocks of the file by kind and name."""
    return {(kind, data.name) for kind in KINDS for data in getattr(bpy.data, kind)}


def left_over(own: set[tuple[str, str]]) -> list[str]:
    """Data blocks that nothing uses but perhaps a fake user, and objects that no take, shot or camera knows.

    Takes that no shot lists can be listed again. own: the animator's data blocks, which are no concern of Dollygrip's;
    the render result is Blender's.
    """
    reachable = takes.unlisted()
    found = [
        f"{kind} {data.name}"
        for kind in KINDS
        for data in getattr(bpy.data, kind)
        if (kind, data.name) not in own and data.users - data.use_fake_user < 1 and data not in reachable
        if getattr(data, "type", "") != "RENDER_RESULT"
    ]
    scene = bpy.context.scene
    known = {rigs.helper_of(action) for action in bpy.data.actions if takes.is_take(action)}
    known |= {layer.target for thing in scene.objects if (layer := physics.handheld_of(thing))}
    known |= {*shots.of_scene(scene), *sets.proxies(scene)}
    strays = [thing for thing in bpy.data.objects if ("objects", thing.name) not in own and thing not in known]
    return found + [f"stray {thing.name}" for thing in strays]
