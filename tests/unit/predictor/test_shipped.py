"""The weights that come with Dollygrip, judged by geometry on prompts that the training grammar did not produce."""

import json
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch

from dollygrip_backend.evaluation.judge import components, judge
from dollygrip_backend.evaluation.predictor import evaluate_cases, evaluate_predictor, read_cases
from dollygrip_backend.predictor.grounding import Found
from dollygrip_backend.predictor.looks import COLUMNS, ROWS

DATA = Path(__file__).parents[2] / "data"
PLAIN, PICTURES = DATA / "plain_moves.jsonl", DATA / "camera_prompts.jsonl"
IMAGE = np.random.default_rng(1).integers(0, 255, (200, 320, 3), dtype=np.uint8)


def test_plain_moves_are_obeyed(shipped):
    results = evaluate_cases(shipped, read_cases(PLAIN), seeds=2)
    failed = [f"{r.case.prompt!r}: {r.verdict.reason}" for r in results if not r.verdict.obeyed]
    assert len(failed) <= 0.03 * len(results), "\n".join(failed)


_SCENE = (
    "A weathered fisherman in a yellow raincoat mends his nets on the wooden pier while gulls circle overhead.",
    "A child in red boots runs past him to the left, chasing a black dog that barks at the waves.",
    "The sky is heavy with clouds, and the light is soft and cold, with a hint of rain on the horizon.",
    "Rust-coloured ropes lie coiled beside him, and steam rises slowly from a tin mug at his feet.",
    "Two old women walk by arm in arm, talking, and one of them turns her head to look at the sea.",
    "The mood is quiet and melancholic, shot on 35mm film with muted colours and gentle grain.",
)


@pytest.mark.parametrize("at", [0, 3, 6])
def test_a_scene_may_be_described_at_length_before_and_after_the_move(shipped, at):
    cases = read_cases(PLAIN)[::4]
    long = [" ".join([*_SCENE[:at], case.prompt.rstrip(".") + ".", *_SCENE[at:]]) for case in cases]
    assert not any(shipped.text_encoder.reads_all_of(prompt) for prompt in long)
    results = evaluate_cases(
        shipped, [attrs.evolve(case, prompt=prompt) for case, prompt in zip(cases, long, strict=True)]
    )
    failed = [f"{r.case.prompt!r}: {r.verdict.reason}" for r in results if not r.verdict.obeyed]
    assert len(failed) <= 0.1 * len(results), "\n".join(failed)


def test_nine_of_ten_prompts_over_pictures_are_obeyed(shipped):
    results = evaluate_cases(shipped, read_cases(PICTURES))
    failed = [f"{r.case.prompt!r}: {r.verdict.reason}" for r in results if not r.verdict.obeyed]
    assert len(failed) <= 0.1 * len(results), "\n".join(failed)


@pytest.mark.parametrize(
    ("prompt", "move", "amount"),
    [
        ("pan right 35 degrees", "pan_right", 35),
        ("tilt down by twenty degrees", "tilt_down", 20),
        ("orbit a quarter of the way around her to the left", "orbit_left", 90),
        ("orbit right 180 degrees around the statue", "orbit_right", 180),
        ("zoom in 2.5x", "zoom_in", 2.5),
        ("roll clockwise 90 degrees", "roll_clockwise", 90),
    ],
)
def test_numbers_mean_numbers(shipped, prompt, move, amount):
    for take in shipped(IMAGE, prompt, takes=4):
        verdict = judge(take, [move], {move: amount})
        assert verdict.obeyed, verdict.reason


@pytest.mark.parametrize("prompt", ["static shot", "the camera does not move while she dances to the left"])
def test_a_still_camera_is_exactly_still(shipped, prompt):
    [take] = shipped(IMAGE, prompt)
    np.testing.assert_array_equal(take.c2w, np.broadcast_to(np.eye(4), take.c2w.shape))
    assert np.ptp(take.intrinsics, axis=0).max() == 0


def test_guidance_goes_on_from_what_is_done_unasked_through_what_the_words_ask(shipped):
    unasked, asked, beyond = (
        shipped(IMAGE, "orbit left, slowly", guidance=guidance)[0].positions for guidance in (0.0, 1.0, 3.0)
    )
    step, on = asked - unasked, beyond - asked
    assert np.sum(step * on) > 0.8 * np.linalg.norm(step) * np.linalg.norm(on) > 0
    assert beyond[-1] == pytest.approx(asked[-1], abs=1e-9)


def test_what_is_done_unasked_is_that_of_a_caption_dropped_in_training(shipped):
    text = shipped.text_encoder.encode(["orbit left 90 degrees, slowly", "pan right"])
    with torch.inference_mode():
        dropped, _ = shipped.reader(attrs.evolve(text, mask=torch.zeros_like(text.mask)))
        unasked = shipped.reader.unasked(2)
    assert dropped.mask.sum() == unasked.mask.sum() == unasked.mask.numel()
    torch.testing.assert_close(dropped.tokens[dropped.mask], unasked.tokens[unasked.mask], atol=1e-4, rtol=1e-4)


def test_what_is_done_unasked_knows_nothing_of_the_words(shipped):
    first, second = (
        shipped(IMAGE, prompt, guidance=0.0)[0] for prompt in ("pan left 30 degrees", "turn left by 30 degrees")
    )
    np.testing.assert_allclose(first.c2w, second.c2w, atol=1e-6)


def test_takes_differ_and_all_obey(shipped):
    takes = shipped(IMAGE, "pan left", takes=6)
    verdicts = [judge(take, ["pan_left"]) for take in takes]
    assert all(v.obeyed for v in verdicts), [v.reason for v in verdicts]
    ends = [v.amounts["pan"] for v in verdicts]
    assert max(ends) - min(ends) > 3  # degrees


def test_strength_scales_what_is_not_given_in_numbers(shipped):
    weak, strong = (shipped(IMAGE, "truck right", strength=s)[0].positions[-1, 0] for s in (0.5, 1.8))
    assert strong > 1.5 * weak > 0


@pytest.mark.parametrize("depth", [None, np.linspace(1, 9, 200 * 320).reshape(200, 320)])
@pytest.mark.parametrize("prompt", ["orbit left, handheld", "zoom in, then whip pan right", "roll while craning up"])
def test_at_strength_zero_nothing_moves(shipped, prompt, depth):
    for take in shipped(IMAGE, prompt, frames=9, takes=2, strength=0.0, depth=depth):
        np.testing.assert_allclose(take.c2w, np.broadcast_to(np.eye(4), (9, 4, 4)), atol=1e-9)
        np.testing.assert_allclose(take.intrinsics, np.broadcast_to(take.intrinsics[0], (9, 4)))


def test_numbers_are_met_at_strength_zero_and_little_strength_moves_little(shipped):
    [turned] = shipped(IMAGE, "pan right 30 degrees", strength=0.0)
    assert turned.rotations[-1, 0, 2] == pytest.approx(0.5, abs=0.03)
    [little] = shipped(IMAGE, "truck right", strength=0.02)
    assert 0 < little.positions[-1, 0] < 0.05


def test_an_orbit_turns_about_the_depth_that_the_picture_shows(shipped):
    radii = []
    for near in (0.5, 1.0):
        depth = np.full((200, 320), 1.0, np.float32)
        depth[60:140, 100:220] = near
        take = shipped(IMAGE, "orbit left around the statue", depth=depth, scene_depth=1.0)[0]
        radii.append(np.linalg.norm(take.positions[-1]) / np.linalg.norm(take.rotations[-1, 0, 2]))
    assert radii[0] / radii[1] == pytest.approx(0.5, abs=0.08)


def test_a_share_of_the_way_is_one_to_where_the_thing_may_be(shipped, monkeypatch):
    depth = np.full((64, 96), 4.0)
    depth[:, :32] = 2.0
    likely = np.zeros((ROWS, COLUMNS), np.float32)
    likely[6:10, :6] = 1

    def gone(prompt: str) -> float:
        [take] = shipped(np.zeros((64, 96, 3), np.uint8), prompt, depth=depth, scene_depth=4.0)
        return take.c2w[-1, 2, 3]

    monkeypatch.setattr(shipped.grounding, "find", lambda *_: [Found(None, 1.0, likely)])
    assert gone("dolly in half of the way to the lamp") == pytest.approx(1.0, rel=0.1)
    somewhere = gone("dolly in to the lamp")
    monkeypatch.setattr(shipped.grounding, "find", lambda *_: [None])
    assert gone("dolly in half of the way to the lamp") == pytest.approx(2.0, rel=0.1)
    assert gone("dolly in to the lamp") == pytest.approx(somewhere)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_pan_of_no_side_goes_where_its_thing_may_be(shipped, monkeypatch, mirrored):
    likely = np.zeros((ROWS, COLUMNS), np.float32)
    likely[:, :8], likely[:, 16:] = (0.3, 0.7) if mirrored else (0.7, 0.3)
    monkeypatch.setattr(shipped.grounding, "find", lambda prompts, *_: [Found(None, -5.0, likely)] * len(prompts))
    for prompt in ("pan to the bookcase", "look over to the old man"):
        for take in shipped(IMAGE, prompt, takes=4):
            assert judge(take, ["pan_right" if mirrored else "pan_left"]).obeyed
    assert judge(
        shipped(IMAGE, "pan right, then look over to the bookcase")[0], ["pan_right", "pan_left"], ordered=True
    )


@pytest.mark.parametrize(
    "prompt, thing, surroundings",
    [
        ("we are under green neon and want to get to the red door", "red door", "green neon"),
        ("blue banners hang from the roof. creep closer to the yellow car", "yellow car", "blue banners roof"),
        ("get nearer to the orange tent, the white mountains stay behind", "orange tent", "white mountains"),
        ("it is a day with pink umbrellas all over; move in on the grey tent", "grey tent", "pink umbrellas day"),
    ],
)
def test_the_words_that_name_a_thing_are_told_from_colours_about_it(shipped, prompt, thing, surroundings):
    text = shipped.text_encoder.encode([prompt])
    with torch.inference_mode():
        picked = shipped.grounding.name(text, shipped.reader(text)[1].subject).picked[0].numpy()

    def share(words: str) -> float:
        at = [(prompt.index(word), prompt.index(word) + len(word)) for word in words.split()]
        return sum(picked[(text.starts[0] >= start) & (text.starts[0] < end)].sum() for start, end in at)

    assert share(thing) > max(0.5, 2 * share(surroundings))


def test_every_take_tells_the_side_that_it_chose(shipped):
    takes = shipped(IMAGE, "orbit around it", takes=6)
    assert {take.meta["plan"] for take in takes} == {"orbit_left", "orbit_right"}
    assert all(judge(take, [take.meta["plan"]]).obeyed for take in takes)


def test_the_report_names_every_failure(tmp_path, capsys):
    file = tmp_path / "two.jsonl"
    lines = [{"id": i, "prompt": "pan left", "move": m} for i, m in (("a", "pan_left"), ("b", "pan_right"))]
    file.write_text("\n".join(map(json.dumps, lines)))
    summary = evaluate_predictor(file, tmp_path / "out")
    assert summary.success == 0.5 and summary.by_move == {"pan_left": 1.0, "pan_right": 0.0}
    assert "pan left" not in capsys.readouterr().out  # who measures on held-out prompts need not read them
    assert "wrong way" in (tmp_path / "out" / "report.html").read_text()
    assert '"success": 0.5' in (tmp_path / "out" / "report.json").read_text()


@pytest.mark.parametrize("move", ["pan left", "push in", "zoom in", "tilt up", "truck right"])
def test_words_say_how_far(shipped, move):
    """Slightly is less and a lot more than a prompt without them asks."""
    said = [f"{move} slightly", move, f"{move} a lot"]
    far = [max(map(abs, judge(take, ["static"]).amounts.values())) for take in shipped.batch(IMAGE, said)]
    assert far[0] < 0.7 * far[1] < far[1] < 0.8 * far[2]


@pytest.mark.parametrize(("prompt", "axis"), [("pan left", 0), ("truck right", 3)])
def test_a_frame_that_shows_part_of_the_width_goes_less_far_aside(shipped, prompt, axis):
    whole, upright = (shipped(IMAGE, prompt, size=size)[0] for size in ((320, 200), (112, 200)))
    assert 0.4 < components(upright)[-1, axis] / components(whole)[-1, axis] < 0.6
    assert shipped(IMAGE, "tilt up", size=(112, 200))[0].c2w.tolist() == shipped(IMAGE, "tilt up")[0].c2w.tolist()
