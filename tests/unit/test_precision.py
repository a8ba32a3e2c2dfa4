"""In which precision networks are trained."""

import time

import torch

from dollygrip_backend.precision import autocast, fast_dtype


def test_a_forward_pass_is_in_the_fast_precision():
    x = torch.randn(4, 4)
    with autocast(x.device):
        assert (x @ x).dtype == fast_dtype("cpu")


def test_what_is_chosen_takes_at_most_twice_as_long_as_the_other():
    layer, x = torch.nn.Conv2d(64, 64, 3), torch.randn(2, 64, 48, 48)

    def seconds(dtype: torch.dtype) -> float:
        taken = []
        with torch.inference_mode():
            for _ in range(7):
                start = time.perf_counter()
                layer.to(dtype)(x.to(dtype))
                taken.append(time.perf_counter() - start)
        return min(taken)

    assert seconds(fast_dtype("cpu")) < 2 * min(seconds(torch.bfloat16), seconds(torch.float32))
