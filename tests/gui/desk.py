"""Runs inside a real Blender window: an animator's way from a picture to a strip, by mouse and keyboard.

    runner run --zip EXTENSION.zip --bind OUT desk.py OUT

OUT holds stage.blend with reference.png beside it; screenshots are written there. `blender_gui` comes with the runner.
"""

import sys
from pathlib import Path

import blender_gui as gui
import bpy
from mathutils import Euler

OUT = Path(sys.argv[-1])
PROMPT = "slow dolly in towards the statue"
TIMEOUT = 240
COLOURS = {  # in the viewport's solid shading, which does not know the procedural textures
    "Floor": (0.30, 0.24, 0.18),
    "Wall": (0.62, 0.45, 0.30),
    "Stone": (0.70, 0.66, 0.60),
    "Bronze": (0.05, 0.28, 0.25),
    "Cloth": (0.5, 0.05, 0.06),
    "Fruit": (0.9, 0.45, 0.04),
}


def session():
    from bl_ext.user_default.dollygrip.backend.session import session

    return session


def state():
    return bpy.context.scene.dollygrip


def shot(name):
    gui.redraw()
    yield 0.8
    gui.shot(OUT / f"{name}.png")


def press(operator, kind="VIEW_3D"):
    at = yield from gui.find(operator, kind)
    yield from gui.click(at)
    gui.xdo("mousemove", 300, gui.window().height - 40)


def wait(condition, what):
    waited = 0.0
    while not condition():
        assert waited < TIMEOUT, f"waited {TIMEOUT} s for {what}; {state().error} {state().hint}"
        yield 0.1
        waited += 0.1


def working():
    status = session().status
    return not session().active or (status.total and status.done >= max(1, status.total // 3))


def strip_length():
    editor = bpy.context.scene.sequence_editor
    strips = list(editor.strips) if editor else []
    return strips[0].duration if strips else 0


def open_stage():
    bpy.ops.wm.open_mainfile(filepath=str(OUT / "stage.blend"), load_ui=False)
    yield 2
    space = gui.area().spaces.active
    space.shading.type = "SOLID"
    space.shading.color_type = "MATERIAL"
    view = space.region_3d
    view.view_perspective, view.view_distance = "PERSP", 9.5
    view.view_location = (0.6, 1.7, 1.3)
    view.view_rotation = Euler((1.0, 0, 0.75)).to_quaternion()
    for name, colour in COLOURS.items():
        if name in bpy.data.materials:
            bpy.data.materials[name].diffuse_color = (*colour, 1)
    for name in ("Ceiling", "Wall.left", "Wall.right.high", "Wall.right.low"):
        if name in bpy.data.objects:
            bpy.data.objects[name].hide_set(True)
    for thing in bpy.data.objects:
        if thing.type == "LIGHT":
            thing.hide_set(True)
    bpy.ops.object.select_all(action="DESELECT")
    yield from gui.sidebar("Dollygrip")


def predict():
    state().brief.reference, state().brief.frame_count = "//reference.png", 49
    state().brief.start, state().brief.exact_depth = bpy.context.scene.camera, True
    yield from gui.click((yield from gui.find("draft.prompt")))
    yield from gui.write(PROMPT + "\n")
    assert state().brief.prompt == PROMPT, state().brief.prompt
    yield from shot("panel_before")
    yield from press("dollygrip.predict_camera")
    yield from wait(lambda: not session().active, "the prediction")
    assert not state().error, state().error
    assert len(state().take_list) == 1 and bpy.context.scene.camera.animation_data.action
    yield from press("dollygrip.fit_range")
    assert bpy.context.scene.frame_end == 49
    yield from shot("viewport_path")


def render():
    yield from press("dollygrip.render_shot")
    yield from wait(working, "the first frames")
    if session().active:
        yield from shot("panel_during")
        before = strip_length()
        yield from wait(lambda: strip_length() > before or not session().active, "the strip to grow")
    yield from wait(lambda: not session().active, "the shot")
    assert not state().error, state().error
    assert strip_length() == 49
    yield from shot("panel_after")


def sequencer():
    area = gui.area()
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = "SEQUENCER_PREVIEW"
    yield 1
    bpy.context.scene.frame_set(30)
    yield from gui.sidebar("Dollygrip", "SEQUENCE_EDITOR")
    strip = bpy.context.scene.sequence_editor.strips[0]
    bpy.context.scene.sequence_editor.active_strip = strip
    part = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=gui.window(), area=area, region=part):
        bpy.ops.sequencer.view_all()
    yield from shot("sequencer")


def undo():
    """What the jobs did are undo steps: the take goes and comes back, and nothing breaks."""
    with bpy.context.temp_override(window=gui.window(), area=gui.area("SEQUENCE_EDITOR")):
        bpy.ops.ed.undo()
        yield 0.5
        assert strip_length() == 0, "undo takes the strip away"
        bpy.ops.ed.redo()
        yield 0.5
    assert strip_length() == 49, "redo brings it back"


def error():
    state().brief.reference = "//gone.png"
    yield from press("dollygrip.predict_camera", "SEQUENCE_EDITOR")
    yield 0.5
    assert "gone.png does not exist" in state().error
    gui.xdo("key", "Escape")  # Blender's own report popup
    yield from shot("panel_error")


def steps():
    yield from open_stage()
    yield from predict()
    yield from render()
    yield from sequencer()
    yield from undo()
    yield from error()


gui.drive(steps())
