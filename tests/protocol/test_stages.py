"""What clients are told while models load: that they do, and only then. The worker's runner and models are real."""

import attrs
import numpy as np
from protocol.real_backend import Backend

from dollygrip.protocol import Cancelled, Done, LookRequest, PredictRequest, Progress, RenderRequest, TrajectoryHeader
from dollygrip.trajectory import Trajectory


def stages(client, request, arrays, cancel_at="") -> list[str]:
    """The stages of a job, one after the other; it is cancelled at one of them where that is asked."""
    told, job = [], client.submit(request, arrays)
    client.credit(job, 100)
    while True:
        event = client.poll(60.0)
        if isinstance(event, Progress) and event.stage not in told[-1:]:
            told.append(event.stage)
            if event.stage == cancel_at:
                client.cancel(job)
        if isinstance(event, Done | Cancelled):
            assert isinstance(event, Cancelled) == bool(cancel_at)
            return told


def test_models_are_said_to_load_by_the_job_that_loads_them(tmp_path):
    backend = Backend(tmp_path, runner="dollygrip_backend.workers.runner:Runner")
    backend.start()
    image = np.random.default_rng(1).integers(0, 256, (64, 104, 3), np.uint8)
    request = PredictRequest(prompt="pan left", frames=5)
    try:
        with backend.client() as client:
            assert stages(client, request, {"image": image}, cancel_at="models") == ["models"]
            first = stages(client, request, {"image": image})
            assert first == ["models", "depth", "camera"]
            assert stages(client, attrs.evolve(request, prompt="dolly in"), {"image": image}) == ["camera"]
            other = {"image": image[::-1].copy()}
            assert stages(client, LookRequest(), other) == ["depth", "camera"]
            assert stages(client, request, other) == ["camera"], "it was looked at ahead"
            still = Trajectory(
                np.tile(np.eye(4), (3, 1, 1)), np.tile([104.0, 104, 52, 32], (3, 1)), (104, 64), 24.0, 2.0
            )
            shot = RenderRequest(prompt="", trajectory=TrajectoryHeader.of(still), size=(104, 64))
            arrays = {"image": image, "c2w": still.c2w, "intrinsics": still.intrinsics}
            assert stages(client, shot, arrays) == ["models", "frames"]
            assert stages(client, shot, arrays) == ["frames"]
    finally:
        backend.close()
