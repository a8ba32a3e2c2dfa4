"""What is written whole or not at all: a write that fails leaves the file of before, and nothing else."""

import errno
from pathlib import Path

import numpy as np
import pytest

from dollygrip.achieved import AchievedCamera
from dollygrip.state_folder import write_private
from dollygrip.whole import whole

_STILL = AchievedCamera(0.0, 0.0, 0.0, 1.0, False, np.eye(4)[None], np.zeros(1), np.zeros(1))


@pytest.mark.parametrize("ended", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_what_is_broken_off_leaves_the_file_of_before(tmp_path, ended):
    path = tmp_path / "file.txt"
    for text in ("one", "two"):
        with whole(path) as part:
            part.write_text(text)
            assert not path.exists() or path.read_text() != text
    with pytest.raises(type(ended)), whole(path) as part:
        part.write_text("thr")
        raise ended
    assert path.read_text() == "two" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("write", [lambda folder: write_private(folder / "key", "x"), _STILL.write])
def test_a_disk_that_fills_up_keeps_no_part(tmp_path, monkeypatch, write):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="full"):
        write(tmp_path)
    assert not list(tmp_path.iterdir())
