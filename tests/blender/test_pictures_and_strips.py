"""Pixels in and out: the bytes of a file reach the backend, and those of the backend reach the screen."""

import zlib

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.direct.redirect import rendered_frame
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.shots import strips
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


@pytest.mark.parametrize("transform", ["AgX", "Filmic", "Standard"])
def test_a_strip_shows_the_files_own_pixels(scene, tmp_path, transform):
    """What the sequencer puts out is what the backend sent, whatever the scene's view was set to."""
    scene.view_settings.view_transform = transform
    scene.view_settings.exposure = 0.7
    made = frames(tmp_path, 3)
    said = strips.show_true_colours(scene)
    assert "exposure" in said and ("view transform" in said) == (transform != "Standard")
    render = scene.render
    render.resolution_x, render.resolution_y = 64, 36
    strips.ensure(scene, [path for path, _ in made], 10, 3, shot(tmp_path))
    render.image_settings.file_format, render.filepath = "PNG", str(tmp_path / "out.png")
    scene.frame_set(11)
    bpy.ops.render.render(write_still=True)
    assert np.array_equal(picture.read_picture(str(tmp_path / "out.png")), made[1][1])


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
