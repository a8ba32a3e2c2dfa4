"""Whether a long shot takes more memory, and more time a frame: `python bench/long_shot.py [--frames 49 480]
[--size W H] [--move sway|onward]`.

Each length is rendered by `bench/embedded.py` in a process of its own, with a camera that sways or one that sees new
ground all the time; prints their peaks and processor times, and the ratios of the two.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path


def measured(frames: int, size: list[int], move: str) -> dict:
    """The figures of `bench/embedded.py` for a shot of so many frames."""
    script = Path(__file__).with_name("embedded.py")
    arguments = ["--frames", str(frames), "--size", *map(str, size), "--move", move, "--threads", "1"]
    done = subprocess.run([sys.executable, script, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs=2, default=(49, 480))
    parser.add_argument("--size", type=int, nargs=2, default=(512, 288), metavar=("W", "H"))
    parser.add_argument("--move", choices=("sway", "onward"), default="sway")
    options = parser.parse_args()
    short, long = (measured(frames, options.size, options.move) for frames in options.frames)
    each = [figures["processor_s"] / figures["frames"] for figures in (short, long)]
    for figures, time_ in zip((short, long), each, strict=True):
        print(f"{figures['frames']:5d} frames: peak {figures['peak_mb']:.0f} MB, {time_ * 1e3:.0f} ms a frame")
    print(f"ratios {long['peak_mb'] / short['peak_mb']:.3f}, {each[1] / each[0]:.3f}")


if __name__ == "__main__":
    main()
