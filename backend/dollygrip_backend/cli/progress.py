"""A progress bar for whatever reports (stage, done, total)."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_STAGES = {
    "models": "Loading the models",
    "depth": "Depth",
    "camera": "Camera",
    "frames": "Frames",
    "downloading": "Downloading",
    "checking": "Checking",
}


@contextlib.contextmanager
def stages(count: type[ProgressColumn] = MofNCompleteColumn) -> Iterator[Callable[[str, int, int], None]]:
    """Yields report(stage, done, total), one bar a stage, on stderr; finished bars stay. count: of its numbers."""
    columns = (TextColumn("{task.description:>18}"), BarColumn(), count(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        tasks = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                for earlier in tasks.values():
                    bars.update(earlier, completed=bars.tasks[earlier].total)
                tasks[stage] = bars.add_task(_STAGES.get(stage, stage))
            bars.update(tasks[stage], completed=done, total=total)

        yield report
        for task in tasks.values():
            bars.update(task, completed=bars.tasks[task].total)
