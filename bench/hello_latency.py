"""How soon the backend answers while it works: `python bench/hello_latency.py [--frames N]`.

Starts a real backend of its own, measures Hello round trips on an open connection, first idle, then while a real
prediction and a real render run on the same processor. The 99th percentile must stay below 20 ms.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from backend_process import backend, picture
from rich.console import Console
from rich.table import Table

from dollygrip.client import Client, Done, Failed, FrameReady, TakeReady
from dollygrip.protocol import PredictRequest, RenderRequest, TrajectoryHeader

LIMIT_MS = 20.0


def measure(asking: Client, working: Client | None = None, job: str = "", seconds: float = 3.0) -> np.ndarray:
    """Round trips in milliseconds, a hundred a second, for some seconds or until the job has ended."""
    times, end = [], time.perf_counter() + seconds
    while working or time.perf_counter() < end:
        before = time.perf_counter()
        asking.hello()
        times.append((time.perf_counter() - before) * 1000)
        event = working.poll(0) if working else None
        if isinstance(event, FrameReady):
            working.credit(job, 1)
        elif isinstance(event, Failed):
            sys.exit(f"The job failed: {event.message} {event.hint}")
        elif isinstance(event, Done):
            break
        time.sleep(0.01)
    return np.array(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=81)
    frames = parser.parse_args().frames
    image, rows = picture(640, 360), {}
    with (
        tempfile.TemporaryDirectory() as state,
        backend(Path(state)) as connection,
        Client.connect(connection) as asking,
        Client.connect(connection) as working,
    ):
        rows["idle"] = measure(asking)
        request = PredictRequest(prompt="orbit left around the house", frames=frames, view_degrees=50.0, takes=16)
        take, *_ = [e.trajectory for e in working.run(request, {"image": image}) if isinstance(e, TakeReady)]
        job = working.submit(request, {"image": image})
        rows["while predicting"] = measure(asking, working, job)
        request = RenderRequest(prompt="", trajectory=TrajectoryHeader.of(take), size=(320, 180))
        job = working.submit(request, {"image": image, "c2w": take.c2w, "intrinsics": take.intrinsics})
        working.credit(job, 16)
        rows["while rendering"] = measure(asking, working, job)
    table = Table("Hello answered", "times", "median ms", "p99 ms", "slowest ms", title=f"{frames} frames, 2 clients")
    for name, times in rows.items():
        table.add_row(
            name, str(len(times)), *(f"{x:.2f}" for x in (np.median(times), np.quantile(times, 0.99), max(times)))
        )
    Console().print(table)
    if max(np.quantile(times, 0.99) for times in rows.values()) >= LIMIT_MS:
        sys.exit(f"The 99th percentile is not below {LIMIT_MS:g} ms.")


if __name__ == "__main__":
    main()
