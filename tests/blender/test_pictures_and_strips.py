"""Pixels in and out: the bytes of a file reach the backend, and those of the backend reach the screen."""

import zlib

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.direct.redirect import rendered_frame
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.shots import colours, saving, strips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dollygrip.errors import InputError

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hnp.arrays(np.uint8, SHAPES))
def test_what_is_written_is_read(tmp_path, rgb):
    """Any picture survives our PNG writer and Blender's loader to the byte."""
    path, before = tmp_path / "any.png", len(bpy.data.images)
    picture.write_png(path, rgb)
    assert np.array_equal(picture.read_picture(str(path)), rgb)
    assert len(bpy.data.images) == before, "the loaded image is not left in the file"


def test_relative_paths_lie_beside_the_blend(scene, tmp_path):
    picture.write_png(tmp_path / "here.png", np.zeros((4, 6, 3), np.uint8))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    assert picture.read_picture("//here.png").shape == (4, 6, 3)


def test_linear_light_is_encoded(scene, tmp_path):
    """An EXR holds linear light: a half of it is 188 in sRGB."""
    image = bpy.data.images.new("linear", 8, 4, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"  # saved as the numbers are
    image.pixels.foreach_set(np.tile(np.float32([0.5, 1.0, 7.0, 1.0]), 32))
    image.filepath_raw, image.file_format = str(tmp_path / "a.exr"), "OPEN_EXR"
    image.save()
    bpy.data.images.remove(image)
    assert picture.read_picture(str(tmp_path / "a.exr"))[0, 0].tolist() == [188, 255, 255]


def test_missing_and_damaged_pictures_are_said(scene, tmp_path, picture_path):
    with pytest.raises(InputError, match="No reference picture is chosen"):
        picture.read_picture("  ")
    with pytest.raises(InputError, match=r"gone\.png does not exist"):
        picture.read_picture(str(tmp_path / "gone.png"))
    with pytest.raises(InputError, match="is a folder"):
        picture.read_picture(str(tmp_path))
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(picture_path.read_bytes()[:60])
    with pytest.raises(InputError, match=r"damaged\.png is damaged or not a picture"):
        picture.read_picture(str(damaged))
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(InputError, match=r"text\.png is damaged or not a picture"):
        picture.read_picture(str(tmp_path / "text.png"))
    assert not bpy.data.images


def frames(folder, count, size=(64, 36)):
    """Noise and every grey: what any colour management would change."""
    rng = np.random.default_rng(1)
    made = []
    for index in range(count):
        rgb = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
        rgb[0] = np.linspace(0, 255, size[0]).astype(np.uint8)[:, None]
        picture.write_png(folder / f"frame_{index:04d}.png", rgb)
        made.append((folder / f"frame_{index:04d}.png", rgb))
    return made


def shot(folder):
    return {"folder": str(folder), "take": "take", "prompt": "p", "engine": "embedded", "size": [64, 36], "frames": 5}


def shown(scene, folder, rgb):
    """What the sequencer puts out of a strip of this picture."""
    picture.write_png(folder / "frame_0011.png", rgb)
    render = scene.render
    render.resolution_y, render.resolution_x = rgb.shape[:2]
    render.dither_intensity = 0
    strip = strips.of_folder(scene, folder) or strips.ensure(scene, [folder / "frame_0011.png"], 11, 1, shot(folder))
    render.image_settings.file_format, render.filepath = "PNG", str(folder / "out.png")
    scene.frame_set(11)
    bpy.ops.render.render(write_still=True)
    return strip, picture.read_picture(str(folder / "out.png"))


@pytest.mark.parametrize("transform", ["AgX", "Filmic", "Standard"])
def test_a_strip_undoes_the_scenes_view_and_leaves_it_alone(scene, tmp_path, transform):
    """Without neon colours, which AgX and Filmic do not have: within 2 of 255 on average, by Standard equal."""
    scene.view_settings.view_transform = transform
    y, x = np.mgrid[:36, :64]
    rgb = np.stack([40 + 3 * x, 60 + 4 * y, 130 + x - y], -1).astype(np.uint8)
    strip, seen = shown(scene, tmp_path, rgb)
    assert np.abs(seen.astype(int) - rgb).mean() < (0.01 if transform == "Standard" else 2)
    assert scene.view_settings.view_transform == transform and colours.are_true(scene, strip)
    scene.view_settings.view_transform = "AgX" if transform == "Standard" else "Standard"
    assert not colours.are_true(scene, strip), "changed since"
    assert not colours.show(scene, strip) and colours.are_true(scene, strip)


@pytest.mark.parametrize("transform", ["AgX", "Filmic", "Standard", "Raw"])
def test_a_view_that_nothing_undoes_becomes_neutral_where_that_is_asked(scene, tmp_path, transform):
    """Then every pixel is the file's."""
    view = scene.view_settings
    view.view_transform, view.exposure = transform, 0.7
    [(_, rgb)] = frames(tmp_path, 1)
    strip, _ = shown(scene, tmp_path, rgb)
    assert strip.colorspace_settings.name == "sRGB" and not colours.are_true(scene, strip)
    assert (view.view_transform, round(view.exposure, 3)) == (transform, 0.7), "not without being asked"
    scene.sequence_editor.active_strip = strip
    assert bpy.ops.dollygrip.show_true_colours() == {"FINISHED"}
    assert np.array_equal(shown(scene, tmp_path, rgb)[1], rgb) and colours.are_true(scene, strip)
    view.exposure = 0.7
    said = colours.show(scene, strip)
    assert "exposure" in said and "view transform" not in said


def test_a_neutral_view_leaves_no_rendered_strip_in_other_colours(scene, tmp_path):
    """Those that undid the view before, and one of the animator's stays as it is; the notice that led there goes."""
    made = []
    for number in (1, 2):
        folder = tmp_path / f"shot_{number:03d}"
        folder.mkdir()
        [(path, _)] = frames(folder, 1)
        made.append(strips.ensure(scene, [path], 10 * number, 1, shot(folder)))
    own = compat.strips_of(scene).new_image("own", str(path), 9, 1)
    own.colorspace_settings.name = "AgX Base sRGB"
    assert {strip.colorspace_settings.name for strip in made} == {"AgX Base sRGB"}
    scene.view_settings.exposure = 0.7
    scene.dollygrip.notice = f"1 of 1 frames are in {folder}. {colours.CHANGED}"
    assert bpy.ops.dollygrip.show_true_colours() == {"FINISHED"}
    assert all(colours.are_true(scene, strip) for strip in made) and not colours.are_true(scene, own)
    assert scene.dollygrip.notice == f"1 of 1 frames are in {folder}."


def test_the_newest_version_is_active_unless_a_strip_of_the_animators_is(scene, tmp_path):
    """So that its take is opened, and its camera measured."""

    def render(name):
        (tmp_path / name).mkdir()
        [(path, _)] = frames(tmp_path / name, 1)
        return strips.ensure(scene, [path], 1, 1, shot(tmp_path / name))

    render("shot_001")
    assert render("shot_002") == strips.active(bpy.context)
    own = scene.sequence_editor.active_strip = compat.strips_of(scene).new_image("own", "any.png", 9, 1)
    render("shot_003")
    assert strips.active(bpy.context) == own


@pytest.mark.skipif(bpy.app.version < (5, 0, 0), reason="the sequencer shows the window's scene")
def test_a_workspace_that_is_added_later_shows_the_strip_too(scene, tmp_path):
    """As soon as its sequencer is drawn, unless it shows another scene or nothing was rendered."""
    assert strips.catch_up in bpy.types.SEQUENCER_HT_header._dyn_ui_initialize()
    other, added = bpy.context.workspace, bpy.data.workspaces["Scripting"]
    strips.catch_up(None, bpy.context)
    assert not bpy.app.timers.is_registered(strips.show_rendered)
    strips.ensure(scene, [path for path, _ in frames(tmp_path, 1)], 1, 1, shot(tmp_path))
    added.sequencer_scene, other.sequencer_scene = None, bpy.data.scenes.new("Edit")
    strips.catch_up(None, bpy.context)
    assert not bpy.app.timers.is_registered(strips.show_rendered)
    with bpy.context.temp_override(workspace=added):
        strips.catch_up(None, bpy.context)
    assert bpy.app.timers.is_registered(strips.show_rendered)
    bpy.app.timers.unregister(strips.show_rendered)
    strips.show_rendered()
    assert added.sequencer_scene == scene and other.sequencer_scene.name == "Edit"


def test_a_strip_grows_and_new_versions_lie_above(scene, tmp_path):
    first, second = tmp_path / "shot_001", tmp_path / "shot_002"
    for folder in (first, second):
        folder.mkdir()
    paths = [path for path, _ in frames(first, 5)]
    for count in range(1, 6):
        strip = strips.ensure(scene, paths[:count], 101, 5, shot(first))
        assert (strip.frame_final_start, strip.frame_final_duration) == (101, count)
    again = strips.ensure(scene, [path for path, _ in frames(second, 2)], 103, 5, shot(second))
    assert again.channel == strip.channel + 1
    assert [len(s.elements) for s in compat.strips_of(scene)] == [5, 2]
    assert strips.shot_of(strip)["prompt"] == "p"


def test_a_strip_comes_back_after_an_undo_took_it(scene, tmp_path):
    paths = [path for path, _ in frames(tmp_path, 3)]
    strip = strips.ensure(scene, paths[:2], 1, 3, shot(tmp_path))
    compat.strips_of(scene).remove(strip)
    assert strips.ensure(scene, paths, 1, 3, shot(tmp_path)).frame_final_duration == 3


def test_a_strip_that_was_put_into_a_meta_strip_grows_there(scene, tmp_path):
    paths = [path for path, _ in frames(tmp_path, 3)]
    made_from = {**shot(tmp_path), "take_id": "t"}
    strip = strips.ensure(scene, paths[:2], 0, 3, made_from)
    strip.move_to_meta(compat.strips_of(scene).new_meta("Edit", 3, 1))
    strips.ensure(scene, paths, 0, 3, made_from)
    pictures = [strip for strip in compat.all_strips_of(scene) if strip.type == "IMAGE"]
    assert [len(strip.elements) for strip in pictures] == [3]
    assert rendered_frame(scene, "t", 0) == paths[0], "a part is re-directed from the frame that was rendered"


def test_png_is_readable_elsewhere(scene, picture_path):
    """Checksums are right: the file passes a strict reader, not only Blender's."""
    data, at, seen = picture_path.read_bytes(), 8, []
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert zlib.crc32(name + body) == int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        seen.append(name)
        at += 12 + length
    assert seen == [b"IHDR", b"sRGB", b"IDAT", b"IEND"]


def test_where_frames_were_is_not_said_once_they_were_moved(scene, tmp_path):
    folder = saving.new_folder(saving.temporary_folder())
    strips.ensure(scene, [path for path, _ in frames(folder, 1)], 1, 1, shot(folder))
    scene.dollygrip.notice = f"1 of 1 frames are in {folder}."
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    assert not scene.dollygrip.notice and (tmp_path / "dollygrip" / "shot_001").is_dir()
