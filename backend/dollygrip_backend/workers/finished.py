"""What a job had made when it was interrupted, read from the state folder as it is needed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dollygrip.errors import DollygripError
from dollygrip.protocol import decode
from dollygrip_backend.stored import read_parts, result_name


class FinishedResults(Sequence):
    """The first `count` results of a job; each that is a frame can be had by its number, uint8 (h, w, 3).

    A long shot's frames would not fit into memory together: each is read when it is asked for, and not kept.
    """

    def __init__(self, folder: Path, count: int):
        self._folder, self._count = folder, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:
        """Raises DollygripError, kind "storage", where the file cannot be read."""
        if not 0 <= index < self._count:
            raise IndexError(index)
        try:
            return decode(read_parts(self._folder / result_name(index)))[1]["rgb"].copy()
        except (OSError, ValueError) as error:
            message = f"Frame {index} of the interrupted job cannot be read: {error}."
            raise DollygripError(message, "Submit the job again.", "storage") from error
