"""Whether a long shot takes more memory: `python bench/long_shot.py [--frames 49 480] [--size W H]`.

Each length is rendered by `bench/embedded.py` in a process of its own; prints their peaks and the ratio of the two.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path


def measured(frames: int, size: list[int]) -> dict:
    """The figures of `bench/embedded.py` for a shot of so many frames."""
    script = Path(__file__).with_name("embedded.py")
    arguments = ["--frames", str(frames), "--size", *map(str, size)]
    done = subprocess.run([sys.executable, script, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs=2, default=(49, 480))
    parser.add_argument("--size", type=int, nargs=2, default=(512, 288), metavar=("W", "H"))
    options = parser.parse_args()
    short, long = (measured(frames, options.size) for frames in options.frames)
    for figures in (short, long):
        print(f"{figures['frames']:5d} frames: peak {figures['peak_mb']:.0f} MB in {figures['last_frame_s']:.0f} s")
    print(f"ratio {long['peak_mb'] / short['peak_mb']:.3f}")


if __name__ == "__main__":
    main()
