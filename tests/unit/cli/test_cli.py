"""The command line with the real models: what it writes, what it says, how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import attrs
import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner
from unit.cli.commands import dollygrip, names, refused

from dollygrip import formats, shot_record
from dollygrip.connection import Connection, write_connection
from dollygrip.rotations import matrix_from_rotvec
from dollygrip_backend.cli import inspect
from dollygrip_backend.cli.main import app
from dollygrip_backend.cli.plot import head_angles
from dollygrip_backend.cli.progress import stages
from dollygrip_backend.scene import estimators
from dollygrip_backend.workers.runner import Runner


def test_predict_writes_a_camera_of_the_length_asked_for(here):
    done = dollygrip(
        "predict", "image.png", "pan left", "--frames", 7, "--fps", 25, "--seed", 3, "--out", "a.camera.json"
    )
    assert done.exit_code == 0, done.output
    take = formats.read("a.camera.json")
    assert (len(take), take.fps, take.size) == (7, 25.0, (128, 72))
    assert take.meta["prompt"] == "pan left" and take.meta["seed"] == 3
    assert take.rotations[-1][0, 2] < 0  # the view has turned to the left
    again = dollygrip(
        "predict", "image.png", "pan left", "--frames", 7, "--fps", 25, "--seed", 3, "--out", "b.camera.json"
    )
    assert again.exit_code == 0
    assert np.array_equal(formats.read("b.camera.json").c2w, take.c2w)


def test_a_prompt_that_cannot_be_read_is_predicted_and_called_a_guess(here):
    done = dollygrip("predict", "image.png", "Schwenk langsam nach links", "--frames", 3, "--out", "a.camera.json")
    assert done.exit_code == 0 and Path("a.camera.json").is_file()
    assert "is a guess: Dollygrip reads English only, and does not know schwenk, langsam, nach" in done.output
    Path("lines.jsonl").write_text('{"id": "b", "image": "image.png", "prompt": "asdf"}\n')
    done = dollygrip("predict", "--batch", "lines.jsonl", "--out", "out", "--frames", 3)
    assert "Line 1: Warning: The camera is a guess" in done.output and names("out") == ["b.camera.json"]


def test_several_takes_are_numbered_and_differ(here):
    done = dollygrip("predict", "image.png", "orbit right", "--takes", 2, "--out", "new/take.camera.json")
    assert done.exit_code == 0, done.output
    assert names("new") == ["take_01.camera.json", "take_02.camera.json"]
    first, second = (formats.read(path) for path in sorted(Path("new").iterdir()))
    assert len(first) == len(second) == 81 and not np.allclose(first.c2w, second.c2w)


@pytest.mark.parametrize(
    ("out", "files", "form"),
    [
        ("a_transforms.json", ["a_01_transforms.json"], "gendop"),
        ("transforms.json", ["take_01/transforms.json"], "nerfstudio"),
        ("camera_extrinsics.json", ["take_01/camera_extrinsics.json"], "recammaster"),
        ("images.txt", [f"take_01/{name}.txt" for name in ("cameras", "images", "points3D")], "colmap"),
        ("x.y_pose.npy", ["x.y_01_intrinsics.npy", "x.y_01_pose.npy"], "sana-wm"),
    ],
)
def test_numbered_takes_are_of_the_format_that_the_name_asks_for(here, out, files, form):
    done = dollygrip("predict", "image.png", "pan left", "--frames", 5, "--takes", 2, "--out", f"new/{out}")
    assert done.exit_code == 0, done.output
    assert formats.format_of_name(Path(out)).name == form
    made = sorted(path.relative_to("new").as_posix() for path in Path("new").rglob("*.*"))
    assert made == sorted([*files, *(file.replace("_01", "_02") for file in files)])
    for path in map(Path, done.stdout.split()):
        assert formats.format_of_name(path).name == formats.read(path).meta["format"] == form


def test_the_scene_depth_scales_the_move(here):
    for depth in (1, 10):
        dollygrip("predict", "image.png", "dolly in", "--scene-depth", depth, "--out", f"{depth}.camera.json")
    near, far = (formats.read(f"{depth}.camera.json") for depth in (1, 10))
    assert far.scene_depth == 10
    # The network knows the depth too ("move two metres"), so the scale is close to ten and not exactly that.
    assert far.positions[-1, 2] == pytest.approx(10 * near.positions[-1, 2], rel=0.3)


def test_a_batch_goes_on_after_bad_lines_and_names_them(here):
    lines = [
        {"id": "a", "image": "image.png", "prompt": "pan left"},
        {"id": "b", "image": str(here / "image.png"), "prompt": "tilt up", "frames": 5, "fps": 12, "seed": 1},
        {"id": "c", "image": "nothing.png", "prompt": "pan left"},
        {"id": "../d", "image": "image.png", "prompt": "pan left"},
        {"id": "e", "image": "image.png", "prompt": " "},
        {"id": "f", "image": "image.png", "prompt": "pan", "frames": 0},
        {"id": "g", "image": "image.png", "prompt": "pan", "frames": "many"},
        {"id": "a", "image": "image.png", "prompt": "again"},
        {"id": "h", "image": "image.png"},
        {"id": "i", "image": "image.png", "prompt": "pan left \ud800"},
        {"id": "j", "image": "long" * 100, "prompt": "pan left"},
    ]
    Path("lines.jsonl").write_text("\n\n".join([*map(json.dumps, lines), "{broken"]) + "\n")
    result = dollygrip("predict", "--batch", "lines.jsonl", "--out", "out", "--frames", 9)
    assert result.exit_code == 1
    assert names("out") == ["a.camera.json", "b.camera.json"]
    assert [len(formats.read(f"out/{name}")) for name in names("out")] == [9, 5]
    said = [line.partition(":")[0] for line in result.stderr.splitlines() if line.startswith("Line ")]
    assert said == [f"Line {number}" for number in range(5, 25, 2)]


def test_a_batch_may_begin_with_a_byte_order_mark_and_a_prompt_hold_a_line_separator(here):
    lines = [
        {"id": name, "image": "image.png", "prompt": f"pan{end} left"} for name, end in (("a", ""), ("b", "\u2028"))
    ]
    text = "\r\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    Path("lines.jsonl").write_text(text, "utf-8-sig", newline="")
    done = dollygrip("predict", "--batch", "lines.jsonl", "--out", "out", "--frames", 3)
    assert done.exit_code == 0, done.output
    assert names("out") == ["a.camera.json", "b.camera.json"]


def test_a_shot_whose_depth_another_network_estimated_is_not_rendered_again(here, monkeypatch):
    render = ["render", "image.png", "take.camera.json", "--size", "128x72", "--out", "shot"]
    assert dollygrip(*render).exit_code == 0
    assert shot_record.read(here / "shot.shot").depth_estimator == "embedded"
    assert dollygrip("again", "shot", "--out", "again").exit_code == 0
    monkeypatch.setattr(estimators, "estimator_name", lambda: "depth-anything/other@1")
    refused(dollygrip("again", "shot", "--out", "again2"), "estimated by embedded, and this machine would take")
    shot_record.note_depth_estimator(here / "shot.shot", "depth-anything/other@1")
    assert dollygrip("again", "shot", "--out", "again3").exit_code == 0


@pytest.mark.parametrize("out", ["shot", "shot.mp4"])
def test_render_gives_one_frame_a_pose(here, out):
    done = dollygrip("render", "image.png", "take.camera.json", "--size", "128x72", "--out", out)
    assert done.exit_code == 0, done.output
    if out == "shot":
        assert names("shot") == [f"{number:04d}.png" for number in range(1, 6)]
        frames = [np.array(Image.open(path)) for path in sorted(Path("shot").iterdir())]
    else:
        with av.open("shot.mp4") as container:
            assert container.streams.video[0].average_rate == 24
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 5 and frames[0].shape == (72, 128, 3)
    assert np.abs(frames[0].astype(int) - np.array(Image.open("image.png"))).mean() < 12  # it starts at the image
    assert not list(here.glob(".*"))


def test_a_shorter_shot_leaves_no_frame_of_the_longer_one_before(here):
    render = ["render", "image.png", "take.camera.json", "--out", "shot", "--size"]
    assert dollygrip(*render, "128x72").exit_code == 0
    Path("shot/notes.txt").write_text("before")
    before = names("shot")
    assert dollygrip(*render, "64x36").exit_code == 2
    assert names("shot") == before == [*(f"{number:04d}.png" for number in range(1, 6)), "notes.txt"]
    take = formats.read("take.camera.json")
    formats.write("take.camera.json", attrs.evolve(take, c2w=take.c2w[:2], intrinsics=take.intrinsics[:2]))
    assert dollygrip(*render, "128x72").exit_code == 0
    assert names("shot") == ["0001.png", "0002.png", "notes.txt"]


@pytest.mark.parametrize("name", ["20240131.png", "0001.png", "0099.png"])
@pytest.mark.parametrize("out", [".", "own"])
def test_numbered_pictures_that_no_shot_wrote_are_left_alone(here, name, out):
    Path("own").mkdir()
    image = Path("image.png").rename(Path(out, name))
    before, content = names(), image.read_bytes()
    refused(dollygrip("render", image, "take.camera.json", "--size", "128x72", "--out", out), name, "folder")
    assert names() == before and image.read_bytes() == content


def test_a_shot_is_rendered_into_the_current_folder_and_again(here, monkeypatch):
    Path("inside").mkdir()
    monkeypatch.chdir("inside")
    frames = [f"{number:04d}.png" for number in range(1, 6)]
    for _ in range(2):  # the second one takes the place of the first
        done = dollygrip("render", "../image.png", "../take.camera.json", "--size", "128x72", "--out", ".")
        assert done.exit_code == 0, done.output
        assert names() == frames and shot_record.read(here / "inside.shot").size == (128, 72)
    assert dollygrip("again", ".", "--out", "../again").exit_code == 0
    assert names("../again") == frames
    refused(dollygrip("again", ".", "--out", "."), "is the shot itself")
    refused(dollygrip("again", ".", "--out", "/"), "Name a folder")


@pytest.mark.parametrize(
    ("out", "taken", "made"),
    [("shot.mp4", "shot.mp4", Path.mkdir), ("shot", "shot", Path.touch), ("shot.mp4", "shot.mp4.shot", Path.touch)],
)
def test_an_output_whose_name_is_taken_is_refused_before_a_frame_is_rendered(here, monkeypatch, out, taken, made):
    made(Path(taken))
    monkeypatch.setattr(Runner, "run", lambda *_: pytest.fail("it rendered"))
    before = names()
    refused(dollygrip("render", "image.png", "take.camera.json", "--size", "128x72", "--out", out), taken, "is a f")
    assert names() == before


@pytest.mark.parametrize(
    ("out", "taken", "made", "words"),
    [
        ("a.camera.json", "a.camera.json", Path.mkdir, []),
        ("a.npz", "a_02.npz", Path.mkdir, ["--takes", 2]),
        ("inside/a.camera.json", "inside", Path.touch, []),
        ("cameras", "cameras", Path.touch, ["--batch", "lines.jsonl"]),
    ],
)
def test_a_camera_file_whose_name_is_taken_is_refused_before_it_is_predicted(
    here, monkeypatch, out, taken, made, words
):
    Path("lines.jsonl").write_text('{"id": "a", "image": "image.png", "prompt": "pan left"}')
    made(Path(taken))
    monkeypatch.setattr(Runner, "run", lambda *_: pytest.fail("it predicted"))
    before = names()
    asked = [] if words[:1] == ["--batch"] else ["image.png", "pan left"]
    refused(dollygrip("predict", *asked, *words, "--out", out), taken, "is a f")
    assert names() == before


def test_bad_input_is_one_sentence_and_writes_nothing(here):
    Path("broken.png").write_bytes(Path("image.png").read_bytes()[:200])
    Path("text.png").write_text("no image")
    nan = json.loads(Path("take.camera.json").read_text())
    nan["frames"][3]["c2w"][0][3] = float("nan")
    Path("nan.camera.json").write_text(json.dumps(nan))
    formats.write("slow.camera.json", attrs.evolve(formats.read("take.camera.json"), fps=0.0004))
    np.save("flat.npy", np.ones((3, 3), np.float32))
    before = names()
    predict, render = ("predict", "image.png"), ("render", "image.png")
    refused(dollygrip("predict", "nothing.png", "pan"), "nothing.png")
    refused(dollygrip("predict", "broken.png", "pan"), "broken.png", "cannot be read")
    refused(dollygrip("predict", "text.png", "pan"), "text.png", "cannot be read")
    refused(dollygrip(*predict, ""), "prompt is empty")
    refused(dollygrip(*predict), "prompt")
    refused(dollygrip(*predict, "pan", "--frames", 0), "frames is 0", "1 to 20000")
    refused(dollygrip(*predict, "pan", "--frames", 100_000), "frames is 100000")
    refused(dollygrip(*predict, "pan", "--out", "take.xyz"), "take.xyz")
    refused(dollygrip(*predict, "pan", "--depth", "flat.npy"), "3x3", "128x72")
    refused(dollygrip(*predict, "pan", "--subject", 3, 4), "subject")
    refused(dollygrip("predict", "--batch", "nothing.jsonl", "--out", "out"), "nothing.jsonl")
    refused(dollygrip("predict", "--batch", "text.png"), "--out")
    refused(dollygrip(*render, "nothing.camera.json"), "nothing.camera.json")
    refused(dollygrip(*render, "nan.camera.json"), "nan.camera.json", "Frame 3", "NaN")
    refused(dollygrip(*render, "take.camera.json", "--size", "big"), "big")
    refused(dollygrip(*render, "take.camera.json", "--size", "128x128"), "128x128", "Use 128x72")
    refused(dollygrip(*render, "take.camera.json", "--engine", "warp"), "warp", "embedded")
    refused(dollygrip(*render, "take.camera.json", "--out", "shot.avi"), "shot.avi")
    refused(dollygrip(*render, "slow.camera.json", "--out", "shot.mp4"), "0.0004 frames a second", "0.1 to 1000")
    refused(dollygrip("convert", "take.camera.json", "take.xyz"), "take.xyz")
    refused(dollygrip("plot", "take.camera.json", "take.xyz"), "take.xyz")
    assert names() == before


def test_convert_and_plot(here):
    assert dollygrip("convert", "take.camera.json", "poses.txt").exit_code == 0
    assert np.allclose(formats.read("poses.txt").c2w, formats.read("take.camera.json").c2w)
    done = dollygrip(
        "convert", "poses.txt", "out", "--to", "colmap", "--size", "128x72", "--scene-depth", 3, "--fps", 9
    )
    assert done.exit_code == 0 and names("out") == ["cameras.txt", "images.txt", "points3D.txt"]
    assert "the file says the frame rate itself" in done.stderr and "do not hold the scene depth" in done.stderr
    assert formats.read("out").size == (128, 72)
    refused(dollygrip("convert", "poses.txt", "a.json", "--to", "maya"), "maya", "motionctrl")
    assert "do not hold the frame rate" in dollygrip("convert", "take.camera.json", "a_pose.npy").stderr
    for out in ("plot.png", "plot.svg"):
        assert dollygrip("plot", "take.camera.json", out).exit_code == 0
    picture = np.array(Image.open("plot.png").convert("RGB"))
    assert picture.shape[0] > 800 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 200


def test_the_plot_tells_pan_tilt_and_roll_apart():
    for axis, rotvec in ((0, [0, 0.3, 0]), (1, [0.3, 0, 0]), (2, [0, 0, 0.3])):
        expected = np.zeros(3)
        expected[axis] = np.degrees(0.3)
        assert np.allclose(head_angles(matrix_from_rotvec(np.array([[0.0, 0, 0], rotvec])))[1], expected)
    turns = matrix_from_rotvec(np.linspace(0, 10, 50)[:, None] * [0, 1, 0])
    assert np.allclose(head_angles(turns)[:, 0], np.degrees(np.linspace(0, 10, 50)))
    panned, tilted = matrix_from_rotvec(np.array([[0, 1.0, 0], [0.5, 0, 0]]))
    assert np.allclose(head_angles((panned @ tilted)[None]), np.degrees([[1.0, 0.5, 0]]))


def test_pictures_beyond_64_megapixels_are_refused(here, recwarn):
    Image.new("1", (9000, 8000)).save("large.png")
    refused(dollygrip("predict", "large.png", "pan"), "large.png has more than 64 megapixels")
    assert not recwarn.list


def test_a_prompt_is_drawn_as_it_was_written(here):
    take = formats.read("take.camera.json")
    for prompt in (r"$\foo$ and $x^2$", ""):
        formats.write(r"$\bar$.camera.json", attrs.evolve(take, meta={"prompt": prompt}))
        done = dollygrip("plot", r"$\bar$.camera.json", "plot.svg")
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("command", "default"),
    [
        ("predict", "take.camera.json"),
        ("render", "nearest to the camera file's"),
        ("convert", "by the target's name"),
        ("evaluate video", "the *.camera.json in its folder"),
        ("evaluate video", "evaluation/video"),  # each of its own: their reports have the same names
        ("evaluate predictor", "evaluation/predictor"),
    ],
)
def test_help_tells_what_an_option_is_when_it_is_left_out(command, default):
    shown = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert default in shown.stdout


def test_help_needs_no_heavy_import():
    code = (
        "import sys, dollygrip_backend.cli.main\n"
        "sys.exit(str({'torch', 'diffusers', 'matplotlib', 'numpy', 'zmq', 'av'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"


@pytest.mark.parametrize("out", ["shot", "shot.mp4"])
def test_a_shot_is_rendered_again_bit_for_bit_from_what_is_kept_with_it(here, out):
    np.save("depth_of_image.npy", np.full((72, 128), 2.0, np.float32))
    render = ["render", "image.png", "take.camera.json", "--size", "128x72", "--seed", 5, "--out", out]
    assert dollygrip(*render, "--depth", "depth_of_image.npy").exit_code == 0
    for name in ("image.png", "take.camera.json", "depth_of_image.npy"):
        (here / name).unlink()
    again = out.replace("shot", "again")
    done = dollygrip("again", out, "--out", again)
    assert done.exit_code == 0, done.output
    made = (
        [(Path(out), Path(again))] if out.endswith(".mp4") else [(f, Path(again, f.name)) for f in Path(out).iterdir()]
    )
    assert made and all(before.read_bytes() == after.read_bytes() for before, after in made)
    refused(dollygrip("again", out, "--out", out), "is the shot itself")
    kept = here / f"{out}.shot"
    np.save(kept / "depth.npy", np.full((72, 128), 3.0, np.float32))
    refused(dollygrip("again", out, "--out", again), "The shot's depth is not what was rendered")
    (kept / "depth.npy").write_bytes(b"PK\x03\x04")
    refused(dollygrip("again", out, "--out", again), "depth.npy cannot be read")
    (kept / "depth.npy").unlink()
    refused(dollygrip("again", out, "--out", again), "depth.npy cannot be read")
    (kept / "shot.json").write_text('{"format": "dollygrip-shot", "version": 1}')
    refused(dollygrip("again", out, "--out", again), "cannot be read as the record of a shot")
    (kept / "shot.json").unlink()
    refused(dollygrip("again", out, "--out", again), "holds no shot.json")


@pytest.mark.parametrize("taken", ["state", "state/server.log", "state/keys"])
def test_serve_says_that_its_state_folder_cannot_be_used(here, taken):
    Path(taken).parent.mkdir(exist_ok=True)
    Path(taken).mkdir() if taken.endswith(".log") else Path(taken).touch()
    said = dollygrip("serve", "--state", "state")
    refused(said, "The state folder state cannot be used", Path(taken).name, "DOLLYGRIP_HOME", code=1)


def test_doctor_finds_everything_in_place(here):
    result = dollygrip("doctor")
    assert result.exit_code == 0, result.output
    assert all(word in result.output for word in ("Weights", "Engines", "embedded", "No Dollygrip backend is running"))
    assert "✗" not in result.output


def test_doctor_takes_a_backend_that_broke_off_for_none(here):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_connection(Connection("tcp://127.0.0.1:9", "server key", "client key", "secret", ended.pid))
    result = dollygrip("doctor")
    assert result.exit_code == 0 and f"process {ended.pid}) broke off" in result.output


@pytest.mark.parametrize("lost", ["predictor/reader", "predictor/grounding", "features", "depth", "embedded"])
def test_doctor_names_the_weights_that_are_missing(here, monkeypatch, lost):
    shipped = inspect._WEIGHTS
    for file in shipped.rglob("*.safetensors"):
        if file.parent != shipped / lost:
            copied = here / "weights" / file.relative_to(shipped)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.touch()
    monkeypatch.setattr(inspect, "_WEIGHTS", here / "weights")
    result = dollygrip("doctor")
    assert result.exit_code == 1 and f"Weights of {lost} are missing" in result.output


def test_engines_are_listed_with_their_needs():
    result = dollygrip("engines")
    assert result.exit_code == 0 and "embedded" in result.output and "licence" in result.output


def test_progress_says_that_models_load(capfd):
    with stages() as report:
        report("models", 0, 1)
        report("depth", 0, 1)
    shown = capfd.readouterr().err.splitlines()
    assert "Loading the models" in shown[0] and "1/1" in shown[0] and "Depth" in shown[1]
