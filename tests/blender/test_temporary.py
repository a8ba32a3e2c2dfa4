"""What was made before a file had a place: beside it once it is saved, and there alone when Blender has ended."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import bpy
import pytest
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.shots import saving

BEGIN = """
import atexit, os, sys
from pathlib import Path
import bpy, addon_utils
import numpy as np
addon_utils.enable("bl_ext.user_default.dollygrip")
from bl_ext.user_default.dollygrip.references import picture, references
from bl_ext.user_default.dollygrip.shots import saving, strips

film, scene, grey = sys.argv[-1], bpy.context.scene, np.full((4, 4, 3), 99, np.uint8)
scene.dollygrip.brief.reference = references.keep(grey, "view")
folder = saving.new_folder(saving.temporary_folder())
picture.write_png(folder / "frame_0001.png", grey)
strip = strips.ensure(scene, [folder / "frame_0001.png"], 1, 1, {"take": "take"})
"""
END = """
addon_utils.disable_all()  # as Blender does when it ends
atexit._run_exitfuncs()
os._exit(0)
"""
SAVE = "bpy.ops.wm.save_as_mainfile(filepath=film)\n"


def session_with(tmp_path: Path, steps: str) -> list[str]:
    """A Blender session that makes a reference and a frame, does these steps and ends -> what is left of the temporary
    files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-c", BEGIN + steps + END, str(tmp_path / "film.blend")]
    environment = os.environ | {name: str(temporary) for name in ("TMPDIR", "TEMP", "TMP")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return sorted(file.name for file in temporary.glob(f"{saving.TEMPORARY}*/**/*.png"))


def test_of_a_saved_file_nothing_is_left_in_temporary_folders(tmp_path):
    assert session_with(tmp_path, SAVE) == [] and not list((tmp_path / "temporary").glob(f"{saving.TEMPORARY}*"))
    assert (tmp_path / "dollygrip" / "shot_001" / "frame_0001.png").is_file()
    assert len(list((tmp_path / "dollygrip" / "references").glob("view_*.png"))) == 1


SHOW = "bpy.data.images.load(str(folder / 'frame_0001.png'))\n"
REFERRED = {
    "never saved, for Blender can recover the last session": "",
    "undone since": SAVE + "strip.directory = f'{folder}{os.sep}'\n",
    "an image": SAVE + SHOW,
    "a file that is closed": SHOW + SAVE + "bpy.ops.wm.read_homefile()\n",
    "a job": 'scene.dollygrip.job = \'{"job": "1", "folder": "%s"}\' % folder.as_posix()\n' + SAVE,
}


@pytest.mark.parametrize("steps", REFERRED.values(), ids=REFERRED)
def test_what_a_file_or_the_session_still_refers_to_stays(tmp_path, steps):
    assert "frame_0001.png" in session_with(tmp_path, steps)


def test_a_temporary_folder_of_an_earlier_session_stays(tmp_path):
    """A backup of the file may lead there."""
    assert "frame_0001.png" in session_with(tmp_path, "saving._made.clear()\n" + SAVE)


def shot_folders(place: Path) -> list[Path]:
    return [path for pattern in ("dollygrip/shot_*", f"{saving.TEMPORARY}*") for path in place.glob(pattern)]


@pytest.mark.parametrize("saved", [True, False])
def test_a_shot_that_is_not_asked_for_has_no_folder(ready, tmp_path, monkeypatch, saved):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if not saved:
        monkeypatch.setattr(saving, "parent_folder", lambda: None)
    bpy.ops.dollygrip.predict_camera()
    task = RenderShot.of(bpy.context)
    assert task.folder is None and not shot_folders(tmp_path)
    ready.dollygrip.engine = "none of that name"
    with pytest.raises(RuntimeError, match="none of that name"):
        bpy.ops.dollygrip.render_shot()
    assert not shot_folders(tmp_path), "what the backend refuses leaves nothing behind"
    ready.dollygrip.engine = ""
    bpy.ops.dollygrip.render_shot()
    [folder] = shot_folders(tmp_path)
    assert not session.active and len(list(folder.rglob("frame_*.png"))) == 12
    shutil.rmtree(folder)
