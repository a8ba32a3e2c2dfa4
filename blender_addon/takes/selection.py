"""The scene's camera as what is selected: the Graph Editor and the Dope Sheet show the curves of that."""

import bpy


def choose_camera(scene: bpy.types.Scene) -> None:
    """Make the scene's camera the only selected object and the active one, where the window shows it in Object Mode."""
    layer = bpy.context.view_layer
    if bpy.context.scene != scene or (layer.objects.active and layer.objects.active.mode != "OBJECT"):
        return
    try:
        layer.objects.active = scene.camera
    except RuntimeError:  # its collection is excluded from the view layer
        return
    for thing in layer.objects:
        thing.select_set(thing == scene.camera)
