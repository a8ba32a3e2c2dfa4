"""A picture's file is read as viewers show it, by Blender as by the command line, whatever its kind, turn and size."""

import os
import struct
import subprocess
import time
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat, drawing, picture_file
from bl_ext.user_default.dollygrip.references import picture, references
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip.errors import InputError

_READ = """
import sys, numpy as np
from pathlib import Path
from dollygrip.errors import InputError
from dollygrip_backend.files import read_image
try:
    np.save(sys.argv[2], read_image(Path(sys.argv[1])))
except InputError as error:
    print(error)
"""
_MAKE = """
import sys, numpy as np
from PIL import Image
y, x = np.mgrid[:60, :100]
clear = np.stack([x * 2, y * 4, 200 - x, np.clip(x * 4 - 100, 0, 255)], -1).astype(np.uint8)
opaque = Image.fromarray(np.ascontiguousarray(clear[..., :3]))
folder = sys.argv[1]
for turn in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = turn
    opaque.save(f"{folder}/turned{turn}.jpg", quality=95, subsampling=0, exif=exif)
Image.fromarray(clear).save(f"{folder}/clear.png")
Image.fromarray(clear).save(f"{folder}/clear.webp", lossless=True, exact=True)
opaque.convert("LA").save(f"{folder}/grey_alpha.png")
palette = opaque.quantize(16)
palette.save(f"{folder}/palette.png", transparency=3)
opaque.save(f"{folder}/moving.gif")
"""


def by_backend(code: str, *words: object) -> str:
    python = Path(os.environ["DOLLYGRIP_BACKEND"]).parent / "python"
    done = subprocess.run([python, "-c", code, *map(str, words)], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    by_backend(_MAKE, folder)
    return folder


def test_the_command_line_reads_the_same_pixels(scene, pictures):
    turned = [f"turned{turn}.jpg" for turn in range(1, 9)]
    for name in (*turned, "clear.png", "clear.webp", "grey_alpha.png", "palette.png"):
        by_backend(_READ, pictures / name, pictures / "read.npy")
        theirs = np.load(pictures / "read.npy").astype(int)
        ours = picture.read_picture(str(pictures / name)).astype(int)
        assert ours.shape == theirs.shape, name
        assert np.abs(ours - theirs).max() <= 3, name
    assert picture.read_picture(str(pictures / "turned6.jpg")).shape == (100, 60, 3)


def test_panels_show_a_picture_upright(scene, pictures):
    for turn in range(1, 9):
        path = pictures / f"turned{turn}.jpg"
        drawing.thumbnail(str(path))
        [preview] = [drawing.previews()[key] for key in drawing.previews() if key.startswith(str(path))]
        across, down = preview.image_size
        shown = np.array(preview.image_pixels_float).reshape(down, across, 4)[::-1, :, :3]
        assert shown == pytest.approx(picture.read_picture(str(path)) / 255, abs=0.03), turn
        assert (preview.icon_size[0] > preview.icon_size[1]) == (turn < 5)


def test_a_picture_has_one_icon_however_its_path_is_written(scene, pictures):
    plain, other = pictures / "turned1.jpg", pictures / ".." / pictures.name / "turned1.jpg"
    drawing.thumbnail(str(plain))
    before = set(drawing.previews())
    drawing.thumbnail(str(other))
    assert set(drawing.previews()) == before


def test_what_is_transparent_is_black_and_not_what_lies_hidden(scene, pictures):
    assert not picture.read_picture(str(pictures / "clear.png"))[:, :25].any()
    painted = bpy.data.images.new("cut-out", 4, 4, alpha=True)
    painted.pixels.foreach_set(np.tile(np.float32([1, 0.5, 0, 0.5]), 16))
    assert references.image_picture("cut-out")[0, 0].tolist() == pytest.approx([128, 64, 0], abs=1)
    without = bpy.data.images.new("without alpha", 4, 4)
    without.pixels.foreach_set(np.tile(np.float32([1, 0.5, 0, 0.5]), 16))
    assert references.image_picture("without alpha")[0, 0].tolist() == pytest.approx([255, 128, 0], abs=1)


def test_a_packed_picture_is_upright_too(scene, pictures, tmp_path):
    path = tmp_path / "phone.jpg"
    path.write_bytes((pictures / "turned6.jpg").read_bytes())
    packed = bpy.data.images.load(str(path))
    packed.pack()
    path.unlink()
    assert np.array_equal(picture.read_picture(str(path)), picture.read_picture(str(pictures / "turned6.jpg")))
    assert picture.orientation_of(str(path)) == 6


def test_a_jpeg_that_was_cut_short_is_refused_by_both(scene, pictures):
    whole = (pictures / "turned1.jpg").read_bytes()
    cut = pictures / "cut.jpg"
    for length in (len(whole) // 2, len(whole) - 40, len(whole) - 2):
        cut.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut\.jpg is cut short"):
            picture.read_picture(str(cut))
        assert "cut.jpg cannot be read" in by_backend(_READ, cut, pictures / "read.npy")
    cut.write_bytes(whole + b"what a phone adds")
    picture.read_picture(str(cut))


def test_a_movie_and_a_gif_are_refused_with_a_way_out(scene, pictures, tmp_path):
    with pytest.raises(InputError, match=r"moving\.gif is a GIF\. Save it as PNG or JPEG"):
        picture.read_picture(str(pictures / "moving.gif"))
    movie = make_movie(scene, tmp_path)
    with pytest.raises(InputError, match=r"clip\.mp4 is a movie\. Add it to the sequencer.*Sequencer Frame"):
        picture.read_picture(str(movie))
    assert not [image for image in bpy.data.images if image.type != "RENDER_RESULT"]


def make_movie(scene, folder) -> Path:
    render = scene.render
    render.resolution_x = render.resolution_y = 64
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format, render.ffmpeg.format = "FFMPEG", "MPEG4"
    render.filepath, scene.frame_end = str(folder / "clip.mp4"), 3
    scene.sequence_editor_create()
    render.use_sequencer = True
    picture.write_png(folder / "one.png", np.full((64, 64, 3), 90, np.uint8))
    compat.strips_of(scene).new_image("still", str(folder / "one.png"), 1, 1).frame_final_duration = 3
    bpy.ops.render.render(animation=True)
    return folder / "clip.mp4"


def test_a_big_picture_is_scaled_down_and_too_big_a_one_refused_before_it_is_read(scene, tmp_path):
    """Coarse squares, so that scaling moves no colour; the one that is too big has no pixels at all to be read."""
    y, x = np.mgrid[:2600, :5200]
    rgb = np.stack([40 * (x // 1300), 60 * (y // 650), 100 + 0 * x], -1).astype(np.uint8)
    picture.write_png(tmp_path / "big.png", rgb)
    seen = picture.read_picture(str(tmp_path / "big.png"))
    assert seen.shape == (1280, 2560, 3)
    assert np.abs(seen[100::320, 100::640].astype(int) - rgb[200::650, 200::1300]).max() <= 1
    squeezed = picture.read_picture(str(tmp_path / "big.png"), (320, 180))
    head = (tmp_path / "big.png").read_bytes()[:16]
    packed = bpy.data.images.load(str(tmp_path / "big.png"))
    packed.pack()
    (tmp_path / "big.png").unlink()
    assert np.array_equal(picture.read_picture(str(tmp_path / "big.png")), seen), "packed as from the file"
    assert np.array_equal(picture.read_picture(str(tmp_path / "big.png"), (320, 180)), squeezed)
    assert squeezed.shape == (180, 320, 3) and tuple(packed.size) == (5200, 2600) and len(bpy.data.images) == 1
    (tmp_path / "huge.png").write_bytes(head + struct.pack(">II", 90_000, 90_000) + bytes(60))
    with pytest.raises(InputError, match=r"huge\.png has more than 64 megapixels\. Scale it down"):
        picture.read_picture(str(tmp_path / "huge.png"))


def test_a_picture_is_read_once_and_again_when_it_changed(scene, tmp_path):
    path = tmp_path / "matte.png"
    picture.write_png(path, np.full((2000, 4000, 3), 50, np.uint8))
    first = picture.read_picture(str(path))
    started = time.perf_counter()
    assert picture.read_picture(str(path)) is first and time.perf_counter() - started < 0.01
    picture.write_png(path, np.full((2000, 4000, 3), 51, np.uint8))
    os.utime(path, ns=(1, 1))
    assert (picture.read_picture(str(path)) == 51).all()


# What a file's bytes say


@given(st.integers(1, 8))
def test_texture_coordinates_follow_the_pixels(orientation):
    stored = np.arange(6 * 9).reshape(6, 9)
    seen = picture_file.upright(stored, orientation)
    for row, column in np.ndindex(stored.shape):
        at = (column + 0.5) / 9, (row + 0.5) / 6
        [(down, across)] = np.argwhere(seen == stored[row, column])
        x, y = (across + 0.5) / seen.shape[1], (down + 0.5) / seen.shape[0]
        [(u, v)] = picture_file.stored_uv(np.array([[x, 1 - y]]), orientation)
        assert (u, 1 - v) == pytest.approx(at)


@settings(max_examples=300)
@given(st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\xff\xd8\xff\xe1\0\x40Exif\0\0MM\0*"]), st.binary())
def test_garbage_says_nothing_and_never_fails(start, rest):
    data = start + rest
    assert 1 <= picture_file.orientation(data) <= 8
    assert picture_file.size(data) is None or len(picture_file.size(data)) == 2
    assert picture_file.is_whole(data) in (True, False)
