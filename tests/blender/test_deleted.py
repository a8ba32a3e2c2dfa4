"""What was deleted from the scene is still in the fields that name it, and is not obeyed any more."""

import bpy
import pytest
from bl_ext.user_default.dollygrip.takes import takes
from blender.test_drawn import bezier


@pytest.fixture
def film(ready):
    """A scene with all that a prediction may be told to obey: a path, a start camera, and a subject before it."""
    state = ready.dollygrip
    scout = bpy.data.objects.new("Scout", bpy.data.cameras.new("Scout"))
    scout.rotation_euler = (1.5708, 0, 0)
    ready.collection.objects.link(scout)
    bpy.ops.mesh.primitive_cube_add(location=(0, 9, 0))
    cube = bpy.context.object
    bezier(ready, [(0, 0, 0), (0, 2, 0), (2, 2, 1)])
    state.brief.start, state.brief.subject_kind, state.brief.subject_object = scout, "OBJECT", cube
    return ready


def deleted(thing) -> None:
    bpy.ops.object.select_all(action="DESELECT")
    thing.select_set(True)
    bpy.ops.object.delete()


@pytest.mark.parametrize(
    ("name", "field", "operator"),
    [
        ("Way", "Path", "predict_along_path"),
        ("Scout", "Start At", "predict_camera"),
        ("Scout", "Start At", "predict_along_path"),
        ("Cube", "Object", "predict_camera"),
    ],
)
def test_it_is_refused_until_it_is_back_or_another_is_chosen(film, name, field, operator):
    operator = getattr(bpy.ops.dollygrip, operator)
    assert operator() == {"FINISHED"}
    kept = film.objects[name]
    before = [entry.action for entry in film.dollygrip.take_list]
    deleted(kept)
    with pytest.raises(RuntimeError, match=f"{name} is not in the scene Scene.") as raised:
        operator()
    assert field in str(raised.value) and film.dollygrip.hint.startswith(f"Choose another one under {field}")
    assert [entry.action for entry in film.dollygrip.take_list] == before
    assert kept in (film.dollygrip.brief.start, film.dollygrip.brief.subject_object, film.dollygrip.brief.direct.path)
    film.collection.objects.link(kept)
    bpy.context.view_layer.update()
    assert operator() == {"FINISHED"}


def test_a_path_of_another_scene_is_refused_and_one_of_a_set_scene_is_not(film):
    way, stage = film.objects["Way"], bpy.data.scenes.new("Stage")
    film.collection.objects.unlink(way)
    stage.collection.objects.link(way)
    with pytest.raises(RuntimeError, match="Way is not in the scene"):
        bpy.ops.dollygrip.predict_along_path()
    assert not [action for action in bpy.data.actions if takes.is_take(action)]
    film.background_set = stage
    assert bpy.ops.dollygrip.predict_along_path() == {"FINISHED"}
