"""Shots of any length and size, cut into what a model accepts."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.video.presets import LEAST_TILE, TILE, tile_stride
from dollygrip_backend.video.specs import SPECS
from dollygrip_backend.video.windows import finished_windows, legal_length, plan_windows, window_seed, working_size


@st.composite
def plans(draw) -> tuple[int, int, int, int]:
    stride = draw(st.integers(1, 8))
    overlap = draw(st.integers(0, 3)) * stride + 1
    window = overlap + draw(st.integers(1, 20)) * stride
    return draw(st.integers(1, 700)), window, stride, overlap


@given(plans())
def test_every_frame_is_made_once_and_every_window_is_legal(plan):
    total, window, stride, overlap = plan
    windows = plan_windows(total, window, stride, overlap)
    made = [frame for w in windows for frame in range(w.start + w.known, w.stop)]
    assert made == list(range(total))
    for w in windows:
        assert (w.length - 1) % stride == 0 and w.length <= window and w.length >= w.stop - w.start
        assert len(w.frames) == w.length and set(w.frames) == set(range(w.start, w.stop))
        assert (np.diff(w.frames) >= 0).all()
    for before, after in itertools.pairwise(windows):
        assert after.known == overlap and after.start + overlap == before.stop
        assert before.length == before.stop - before.start, "only the last window is padded"
    assert windows[-1].length - (windows[-1].stop - windows[-1].start) < stride


@given(plans(), st.integers(0, 90), st.data())
def test_after_an_interruption_the_frames_that_are_there_hold_what_the_next_window_shares(plan, lead, data):
    total, window, stride, overlap = plan
    frames = data.draw(st.integers(0, total))
    windows = plan_windows(lead + total, window, stride, overlap)
    done = finished_windows(windows, lead, overlap, frames)
    assert done == 0 or overlap <= windows[done - 1].stop - lead <= frames
    assert done == len(windows) or windows[done].stop - lead > frames or windows[done].stop - lead < overlap
    if not lead and frames == total > overlap:
        assert done == len(windows)


@given(st.integers(0, 2**63 - 1))
def test_each_window_has_a_seed_of_its_own(seed):
    seeds = [window_seed(seed, number) for number in range(30)]
    assert seeds[0] == seed and len(set(seeds)) == 30 and all(0 <= seed < 2**64 for seed in seeds)
    assert window_seed(seed + 1, 0) != seeds[1]


@pytest.mark.parametrize("plan", [(9, 10, 4, 5), (9, 9, 4, 4), (9, 9, 4, 9), (0, 9, 4, 5)])
def test_impossible_windows_are_refused(plan):
    with pytest.raises(ValueError, match="windows"):
        plan_windows(*plan)


@given(st.integers(1, 2000), st.integers(1, 16))
def test_the_legal_length_is_the_next_one(frames, stride):
    length = legal_length(frames, stride)
    assert (length - 1) % stride == 0 and frames <= length < frames + stride


@given(st.integers(32, 640), st.integers(32, 640), st.sampled_from(list(SPECS.values())))
def test_the_working_size_is_legal_near_the_aspect_and_within_the_models_reach(half_width, half_height, spec):
    size = (2 * half_width, 2 * half_height)
    work = working_size(size, spec.multiple, spec.pixels, not spec.one_size)
    assert all(side % spec.multiple == 0 and side >= 2 * spec.multiple for side in work)
    assert work[0] * work[1] <= spec.pixels * 1.15 or min(work) == 2 * spec.multiple
    if min(work) > 2 * spec.multiple:
        off = abs(np.log(work[0] / work[1] * size[1] / size[0]))
        assert off <= spec.multiple * (1 / work[0] + 1 / work[1]) * 0.55


def test_sizes_that_the_models_were_trained_at_stay():
    assert working_size((1280, 704), 32, 1280 * 704) == (1280, 704)
    assert working_size((704, 1280), 32, 1280 * 704) == (704, 1280)
    assert working_size((832, 480), 16, 832 * 480) == (832, 480)
    assert working_size((1280, 720), 32, 1280 * 704) == (1280, 704)


@pytest.mark.parametrize("size", [(1280, 704), (1280, 720), (960, 540), (512, 288), (64, 36), (720, 1280), (270, 480)])
def test_a_model_of_one_size_renders_small_shots_of_its_aspect_at_it_too(size):
    work = working_size(size, 32, 1280 * 704, smaller=False)
    assert work == ((1280, 704) if size[0] > size[1] else (704, 1280))


@given(st.integers(2, 40))
def test_no_vae_tile_is_too_narrow(latents):
    side = 32 * latents
    stride = tile_stride(side)
    assert stride % 32 == 0 and stride < TILE
    if side > TILE:
        assert side - stride * ((side - 1) // stride) >= LEAST_TILE
