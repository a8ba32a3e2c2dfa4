"""Which objects are Dollygrip's: always those that a look at all objects finds, at a cost that others do not raise."""

import random
import time
from types import SimpleNamespace

import bpy
import pytest
from bl_ext.user_default.dollygrip import sidebar
from bl_ext.user_default.dollygrip.live import live as live_module
from bl_ext.user_default.dollygrip.live.live import live
from bl_ext.user_default.dollygrip.shots import shots
from bl_ext.user_default.dollygrip.shots.panel import DOLLYGRIP_UL_shots
from bl_ext.user_default.dollygrip.takes import census, sets, takes
from blender.sample_takes import add_take


def check() -> None:
    """What is told of every scene is what a look at all of its objects finds."""
    for scene in bpy.data.scenes:
        things = list(scene.objects)
        cameras = [thing for thing in things if takes.is_camera(thing)]
        assert list(takes.cameras_of(scene).items()) == [(camera, things.index(camera)) for camera in cameras]
        assert set(shots.of_scene(scene)) == set(cameras) and len(shots.of_scene(scene)) == len(cameras)
        first = scene.camera if takes.is_camera(scene.camera) else next(iter(cameras), None)
        assert takes.find_camera(scene) == first
        assert sets.proxies(scene) == [thing for thing in things if sets.is_proxy(thing)]
        assert census.count(scene) == len(things)


def settle() -> None:
    """What Blender does before it draws; what is told from here on is remembered."""
    bpy.context.view_layer.update()
    check()


def new_proxy(scene) -> bpy.types.Object:
    proxy = bpy.data.objects.new("Set", None)
    sets.mark(proxy, bpy.data.images.new("picture", 1, 1))
    scene.collection.objects.link(proxy)
    return proxy


@pytest.fixture
def remembered(scene):
    """A scene with two shots, a proxy and other things, of which the answers are remembered."""
    for _ in range(2):
        takes.new_camera(scene)
    new_proxy(scene)
    for name in ("prop", "other"):
        scene.collection.objects.link(bpy.data.objects.new(name, None))
    settle()
    return scene


def forget_camera(scene):
    bpy.data.objects.remove(next(iter(takes.cameras_of(scene))))


def unlink_camera(scene):
    scene.collection.objects.unlink(next(iter(takes.cameras_of(scene))))


def move_into_collection(scene):
    inner = bpy.data.collections.new("inner")
    camera = next(iter(takes.cameras_of(scene)))
    inner.objects.link(camera)
    scene.collection.objects.unlink(camera)
    scene.collection.children.link(inner)


def exclude(scene):
    move_into_collection(scene)
    bpy.context.view_layer.layer_collection.children["inner"].exclude = True


def remove_collection(scene):
    move_into_collection(scene)
    settle()
    bpy.data.collections.remove(bpy.data.collections["inner"])


def rename(scene):
    first, second = takes.cameras_of(scene)
    first.name, second.name = "zzz", "aaa"


def promote(scene):
    """An animator's own camera, which is there already, becomes a shot."""
    own = bpy.data.objects.new("Own", bpy.data.cameras.new("Own"))
    scene.collection.objects.link(own)
    settle()
    takes.make_shot(scene, own)


def mark_proxy(scene):
    sets.mark(scene.objects["prop"], bpy.data.images.new("another", 1, 1))


def unmark(scene):
    del next(iter(takes.cameras_of(scene)))[takes.KEY]


def replace(scene):
    first, second = takes.cameras_of(scene)
    first.user_remap(second)


def duplicate(scene):
    bpy.ops.object.select_all(action="SELECT")
    bpy.ops.object.duplicate()


def copy_scene(_scene):
    bpy.ops.scene.new(type="FULL_COPY")


def cut(scene):
    marker = scene.timeline_markers.new("cut", frame=5)
    marker.camera = list(takes.cameras_of(scene))[1]


def show_plain(scene):
    scene.camera = bpy.data.objects.new("Plain", bpy.data.cameras.new("Plain"))
    scene.collection.objects.link(scene.camera)


CHANGES = [
    takes.new_camera,
    new_proxy,
    forget_camera,
    unlink_camera,
    move_into_collection,
    exclude,
    remove_collection,
    rename,
    promote,
    mark_proxy,
    unmark,
    replace,
    duplicate,
    copy_scene,
    cut,
    show_plain,
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("evaluate", [lambda _: None, lambda _: settle(), lambda scene: scene.frame_set(7)])
def test_what_a_script_changes_is_seen_at_once(remembered, change, evaluate):
    change(remembered)
    evaluate(remembered)
    check()
    settle()


def test_undo_and_redo_are_followed(remembered):
    bpy.ops.ed.undo_push(message="two")
    takes.new_camera(remembered)
    bpy.ops.ed.undo_push(message="three")
    settle()
    for step, count in ((bpy.ops.ed.undo, 2), (bpy.ops.ed.redo, 3), (bpy.ops.ed.undo, 2)):
        step()
        check()
        settle()
        assert len(shots.of_scene(bpy.context.scene)) == count


def test_other_scenes_and_files_are_told_apart(remembered, tmp_path):
    first, second = remembered, bpy.data.scenes.new("second")
    takes.new_camera(second)
    check()
    bpy.context.window.scene = second
    settle()
    second.collection.objects.link(takes.find_camera(first))
    check()
    bpy.context.window.scene = first
    check()
    takes.new_camera(second)  # which is not shown
    check()
    settle()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    check()
    settle()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    check()
    settle()
    assert len(shots.of_scene(bpy.data.scenes["second"])) == 3


@pytest.mark.parametrize("link", [True, False])
def test_linked_and_appended_shots_are_found(remembered, tmp_path, link):
    library, name = str(tmp_path / "library.blend"), takes.find_camera(remembered).name
    bpy.ops.wm.save_as_mainfile(filepath=library)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    settle()
    with bpy.data.libraries.load(library, link=link) as (there, here):
        here.objects = [name]
        here.scenes = there.scenes
    check()
    scene.collection.objects.link(here.objects[0])
    check()
    settle()
    assert shots.of_scene(scene) == here.objects
    if link:
        bpy.data.libraries[0].reload()
        check()
        settle()
        bpy.data.libraries.remove(bpy.data.libraries[0])
        check()
        settle()
        assert not shots.of_scene(scene)


def test_what_other_handlers_do_after_an_update_is_seen(remembered):
    """They are called after each update, and of what they change Blender calls nobody."""

    def take_away(scene, _depsgraph):
        if scene.objects["prop"].location.x == 1 and len(shots.of_scene(scene)) == 2:
            unlink_camera(scene)

    heard = []

    def hear(*_):
        heard.append(0)

    for handler in (take_away, hear):
        bpy.app.handlers.depsgraph_update_post.append(handler)
    try:
        remembered.objects["prop"].location.x = 1
        bpy.context.view_layer.update()
    finally:
        for handler in (take_away, hear):
            bpy.app.handlers.depsgraph_update_post.remove(handler)
    check()
    assert len(shots.of_scene(remembered)) == 1 and len(heard) == 1


def test_random_changes_are_followed(remembered):
    dice = random.Random(1)
    some = [takes.new_camera, new_proxy, forget_camera, unlink_camera, mark_proxy, duplicate, cut, show_plain]
    for _ in range(60):
        if len(takes.cameras_of(remembered)) < 2:
            takes.new_camera(remembered)
        dice.choice(some)(remembered)
        if dice.random() < 0.5:
            bpy.context.view_layer.update()
        if dice.random() < 0.7:
            check()


class Layout:
    """Takes everything that a panel draws, and does nothing; a mock would cost more than what is measured."""

    def __getattr__(self, _name):
        return lambda *_args, **_settings: self

    def panel(self, *_args, **_settings):
        return self, None


def drawn() -> None:
    """What a redraw of the whole sidebar asks for, and a tick of Live."""
    scene = bpy.context.scene
    shown = SimpleNamespace(ui_scale=1)
    context = SimpleNamespace(
        scene=scene,
        region=SimpleNamespace(width=400),
        preferences=SimpleNamespace(system=shown, ui_styles=bpy.context.preferences.ui_styles),
        view_layer=bpy.context.view_layer,
        workspace=bpy.context.workspace,
        window_manager=bpy.context.window_manager,
    )
    for panel in _PANELS:
        panel.draw(SimpleNamespace(layout=Layout()), context)
    DOLLYGRIP_UL_shots.filter_items(SimpleNamespace(bitflag_filter_item=1), context, scene, "objects")
    live.line(scene)
    live_module._rest(scene)


_PANELS = sidebar._panels()[::2]  # those of the 3D Viewport


def cost() -> float:
    """Seconds of the fastest of some redraws."""
    taken = []
    for _ in range(7):
        began = time.perf_counter()
        drawn()
        taken.append(time.perf_counter() - began)
    return min(taken)


@pytest.mark.parametrize("plain", [True, False])
def test_a_redraw_does_not_wait_for_foreign_objects(scene, plain):
    add_take(scene)
    new_proxy(scene)
    if plain:
        show_plain(scene)
    settle()
    few = cost()
    for i in range(20_000):
        scene.collection.objects.link(bpy.data.objects.new(f"prop {i}", None))
    settle()
    many = cost()
    assert many < 4 * few, f"{1000 * few:.1f} ms, with 20,000 other objects {1000 * many:.1f} ms"


def test_the_list_of_shots_shows_them_in_their_order(remembered):
    first, second = takes.cameras_of(remembered)
    remembered.timeline_markers.new("cut", frame=5).camera = second
    things = list(remembered.objects)
    listing = SimpleNamespace(bitflag_filter_item=8)
    flags, order = DOLLYGRIP_UL_shots.filter_items(listing, bpy.context, remembered, "objects")
    assert [thing for thing, flag in zip(things, flags, strict=True) if flag == 8] == [first, second]
    assert set(flags) == {0, 8} and sorted(order) == list(range(len(things)))
    assert (order[things.index(second)], order[things.index(first)]) == (0, 1)
