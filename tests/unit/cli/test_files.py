"""What commands read and write: pictures as they are seen, depth, and outputs that appear whole or not at all."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from dollygrip.errors import InputError
from dollygrip_backend.files import read_depth, read_image


def test_images_are_read_as_they_are_seen(tmp_path):
    image = Image.new("RGB", (40, 20), "red")
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").shape == (40, 20, 3)
    deep = np.full((20, 40), 65535 // 4, np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert np.all(np.abs(read_image(tmp_path / "deep.png").astype(int) - 64) <= 1)
    Image.fromarray(np.full((20, 40, 4), 200, np.uint8)).save(tmp_path / "alpha.png")
    assert read_image(tmp_path / "alpha.png").shape == (20, 40, 3)


def test_a_grey_picture_of_32_bits_is_refused_and_not_read_as_white(tmp_path):
    grey = np.linspace(0, 2**31 - 1, 800, dtype=np.int32).reshape(20, 40)
    Image.fromarray(grey).save(tmp_path / "deep.tif")
    with pytest.raises(InputError, match=r"deep\.tif cannot be read: its pixels are 32-bit numbers"):
        read_image(tmp_path / "deep.tif")
    Image.fromarray(grey // 2**15).save(tmp_path / "deep.tif")  # 16 bits, in 32
    assert read_image(tmp_path / "deep.tif")[-1, -1].tolist() == [255] * 3


def test_a_picture_of_floats_is_refused_and_not_read_as_black(tmp_path):
    Image.fromarray(np.full((20, 40), 0.5, np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(InputError, match=r"float\.tif cannot be read: its pixels are floating-point"):
        read_image(tmp_path / "float.tif")


def test_transparency_lies_on_black(tmp_path):
    clear, half, full = [255, 255, 255, 0], [200, 100, 50, 51], [1, 2, 3, 255]
    Image.fromarray(np.tile(np.array([clear, half, full], np.uint8), (20, 7, 1))).save(tmp_path / "alpha.png")
    assert read_image(tmp_path / "alpha.png")[0, :3].tolist() == [[0, 0, 0], [40, 20, 10], [1, 2, 3]]
    palette = Image.new("P", (20, 20), 1)
    palette.putpalette([9, 9, 9, 255, 255, 255])
    palette.save(tmp_path / "palette.png", transparency=1)
    assert not read_image(tmp_path / "palette.png").any()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY\x01\x00"]), st.binary(max_size=200))
@example(b"", b"")
@example(b"\x93NUMPY\x01\x00", b"\x10\x00{'shape': (8, 9   ")
@example(b"\x93NUMPY\x01\x00", b"\x10\x00{'a'\n  'b'\n 'c'}")
@example(
    b"\x93NUMPY\x01\x00", b"\x48\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }   "
)
def test_a_file_that_is_no_depth_is_refused(tmp_path, start, rest):
    path = tmp_path / "e.npy"
    path.write_bytes(start + rest)
    with pytest.raises(InputError, match=r"e\.npy"):
        read_depth(path)
