"""An engine registered by an entry point: the real `wan-vace` on a tiny pipeline, in windows of 17 frames.

It writes the first frame of every window it computes, a line each, to the file DOLLYGRIP_TEST_WINDOWS, and stops for
ever before the third window as long as the file DOLLYGRIP_TEST_WAIT exists. The pipeline is in DOLLYGRIP_TEST_PIPELINE.
"""

import os
import time
from pathlib import Path

import attrs

from dollygrip_backend.video.registry import builtin_info


class CountedEngine:
    info = attrs.evolve(builtin_info("wan-vace"), name="counted", needs_cuda=False)

    @classmethod
    def missing(cls):
        return ""

    @classmethod
    def load(cls, device="cpu"):
        from dollygrip_backend.video.specs import WAN_VACE
        from dollygrip_backend.video.wan_vace import WanVACEEngine

        class Counted(WanVACEEngine):
            spec = attrs.evolve(WAN_VACE, window=17)

            def _generate(self, pipe, window, *rest):
                with Path(os.environ["DOLLYGRIP_TEST_WINDOWS"]).open("a") as file:
                    file.write(f"{window.start}\n")
                while window.start == 16 and Path(os.environ["DOLLYGRIP_TEST_WAIT"]).exists():
                    time.sleep(0.05)
                return super()._generate(pipe, window, *rest)

        return Counted(Path(os.environ["DOLLYGRIP_TEST_PIPELINE"]), device, steps=1)

    def render(self, *args, **kwargs):
        raise NotImplementedError  # load() gives another class
