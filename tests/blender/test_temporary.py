"""What was made before a file had a place: beside it once it is saved, and there alone when Blender has ended."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.shots import saving, strips

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


COPY = """
shown = bpy.data.images.load(scene.dollygrip.brief.reference)
shown.name, shown.use_fake_user = "view", True
scene.dollygrip.notice = said = f"1 of 1 frames are in {folder}."
before = shown.filepath, scene.dollygrip.brief.reference, strips.folder_of(strip)
bpy.ops.wm.save_as_mainfile(filepath=film, copy=True)
assert before == (shown.filepath, scene.dollygrip.brief.reference, strips.folder_of(strip))
assert scene.dollygrip.notice == said
"""


def test_a_file_that_is_still_unsaved_keeps_what_is_its_own_where_a_copy_was_saved(tmp_path):
    """The copy may be deleted; and while it is there, it is whole."""
    assert len(session_with(tmp_path, COPY + "bpy.ops.wm.read_homefile()\n")) == 2
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    scene = bpy.context.scene
    [strip], shown = strips.rendered(scene), bpy.data.images["view"]
    assert strips.folder_of(strip) == tmp_path / "dollygrip" / "shot_001"
    for file in (shown.filepath, reference_of(scene)):
        path = Path(bpy.path.abspath(file))
        assert path.parent == tmp_path / "dollygrip" / "references" and path.is_file()


def test_after_a_copy_the_file_itself_is_saved_whole(tmp_path):
    film = "film = film.replace('film.blend', 'later/film.blend'); os.mkdir(os.path.dirname(film))\n"
    assert session_with(tmp_path, COPY + film + SAVE) == []
    shutil.rmtree(tmp_path / "dollygrip")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "later" / "film.blend"))
    scene = bpy.context.scene
    assert (strips.folder_of(strips.rendered(scene)[0]) / "frame_0001.png").is_file()
    for file in (bpy.data.images["view"].filepath, reference_of(scene)):
        assert Path(bpy.path.abspath(file)).is_file()


def reference_of(scene) -> str:
    return scene.dollygrip.brief.reference


def grey(folder: Path, value: int) -> Path:
    """A picture called plate.png, of one grey."""
    folder.mkdir(parents=True, exist_ok=True)
    picture.write_png(folder / "plate.png", np.full((4, 4, 3), value, np.uint8))
    return folder / "plate.png"


@pytest.mark.parametrize("in_temporary_place", [True, False])
def test_the_animators_own_folders_may_be_called_like_temporary_ones(scene, tmp_path, monkeypatch, in_temporary_place):
    if in_temporary_place:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    project = tmp_path / f"{saving.TEMPORARY}demo"
    photo = grey(project, 1)
    scene.dollygrip.brief.reference = str(photo)
    bpy.data.images.load(str(photo))
    folder = project / "shot_007"
    strip = strips.ensure(scene, [grey(folder, 2)], 1, 1, {"take": "take"})
    bpy.ops.wm.save_as_mainfile(filepath=str(project / "film.blend"))
    assert reference_of(scene) == "//plate.png" and strips.folder_of(strip) == folder
    assert Path(bpy.path.abspath(bpy.data.images[0].filepath)) == photo
    assert not (project / "dollygrip").exists(), "nothing was copied"


def test_textures_of_a_folder_that_is_called_like_a_temporary_one_stay_there(scene, tmp_path):
    texture = bpy.data.images.load(str(grey(tmp_path / f"{saving.TEMPORARY}lib", 1)))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    assert Path(bpy.path.abspath(texture.filepath)).parent == tmp_path / f"{saving.TEMPORARY}lib"


@pytest.mark.parametrize("recovered", [False, True])
def test_temporary_pictures_of_one_name_stay_apart(scene, tmp_path, monkeypatch, recovered):
    """recovered: the folders are of a session that crashed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    plates = [grey(saving.temporary_folder(), value) for value in (10, 20)]
    if recovered:
        monkeypatch.setattr(saving, "_made", set())
    images = [bpy.data.images.load(str(plate)) for plate in plates]
    scene.dollygrip.brief.reference = str(plates[1])
    (tmp_path / "film").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film" / "film.blend"))
    shutil.rmtree(plates[0].parent)
    shutil.rmtree(plates[1].parent)
    assert [picture.read_picture(image.filepath).max() for image in images] == [10, 20]
    assert picture.read_picture(reference_of(scene)).max() == 20
    assert len(list((tmp_path / "film" / "dollygrip" / "references").iterdir())) == 2


@pytest.mark.parametrize("copy", [False, True])
def test_strips_are_called_after_the_folders_that_their_frames_are_copied_to(scene, tmp_path, copy):
    """But for one that the animator has renamed. After a copy was saved they are called and lie as before."""
    made = []
    for value in (10, 20, 30, 40):
        folder = saving.new_folder(saving.temporary_folder())
        made.append(strips.ensure(scene, [grey(folder, value)], 1, 1, {"take": "push in"}))
    made[2].name = "title"
    before = [(strip.name, strips.folder_of(strip)) for strip in made]
    assert all(folder.name == "shot_001" for _, folder in before)
    (tmp_path / "film").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film" / "film.blend"), copy=copy)
    if copy:
        assert [(strip.name, strips.folder_of(strip)) for strip in made] == before
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film" / "film.blend"))
    found = {strip.name: strips.folder_of(strip) for strip in strips.rendered(bpy.context.scene)}
    assert sorted(folder.name for folder in found.values()) == ["shot_001", "shot_002", "shot_003", "shot_004"]
    assert "title" in found
    for name, folder in found.items():
        assert name == "title" or name.startswith(f"{folder.name} push in")
    shown = {picture.read_picture(str(folder / "plate.png")).max() for folder in found.values()}
    assert shown == {10, 20, 30, 40}


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
