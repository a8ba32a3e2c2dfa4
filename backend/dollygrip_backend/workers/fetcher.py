"""Fetches models from the hub: for a process of its own, so that no device waits for a download. No torch."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event
from typing import Any

from dollygrip.errors import DollygripError
from dollygrip.protocol import FetchRequest
from dollygrip_backend import models
from dollygrip_backend.scene.depth_model import DEPTH
from dollygrip_backend.video.specs import SPECS
from dollygrip_backend.workers.runner import CancelledError, Report, Results

MODELS: dict[str, models.Model] = {model.name: model for model in (DEPTH, *SPECS.values())}
"""All that can be fetched."""

_TOLD_EVERY_S = 0.05


class Fetcher:
    """In the place of a `Runner`, in the process that fetches models."""

    def __init__(self, _device: str = "", _director: str = ""): ...

    def run(
        self, request: FetchRequest, _arrays: dict[str, Any], report: Report, _finished: Sequence[Any] = ()
    ) -> Results:
        """No results; the summary is what `fetch` returns. A report that raises ends the job at once: what is still
        under way ends in its own thread, with the next bytes that arrive, and leaves nothing incomplete.
        """
        latest, stopped = ("asking the hub", 0, 0), Event()

        def note(*told: Any) -> None:
            nonlocal latest
            if stopped.is_set():
                raise CancelledError
            latest = told

        thread = ThreadPoolExecutor(1, "dollygrip-fetch")
        work = thread.submit(fetch, MODELS[request.model], request.licence, note)
        try:
            while not work.done():
                report(*latest)
                wait([work], _TOLD_EVERY_S)
            return work.result()
        finally:
            stopped.set()
            thread.shutdown(wait=False)
            if not work.done():
                models.break_off()
        yield  # a generator, as every runner's is


def fetch(model: models.Model, licence: str, report: Report) -> dict[str, Any]:
    """Download a model whose licence, as the hub states it, was accepted; with none, only ask what there is to accept.

    Returns the licence, the sizes in bytes and the cache folder. Raises DollygripError as `plan_download` and
    `download` do, and of kind "licence" where the hub states another one.
    """
    plan = models.plan_download(model)
    if licence and licence != plan.licence:
        message = (
            f"The hub states the licence {plan.licence} for {plan.source.repo}, not {licence}, which was accepted."
        )
        raise DollygripError(message, "Nothing was downloaded: fetch it again to see its licence.", "licence")
    if licence:
        models.download(model, plan, report)
    sizes = {"total_bytes": plan.total_bytes, "missing_bytes": plan.missing_bytes}
    return {"licence": plan.licence, **sizes, "folder": str(plan.cache)}
