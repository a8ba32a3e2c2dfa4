"""How a state folder lays out a job's request and results: one file each, the parts of a wire message in it.

The server writes them; a worker reads what it is to do, and what a job has made before it was interrupted.
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from dollygrip.protocol import Request, Submit, decode, encode
from dollygrip.whole import whole

REQUEST = "request"


def job_folder(state: Path, job_id: str) -> Path:
    """Where the files of a job are, in the state folder of its server."""
    return state / "jobs" / job_id


def result_name(index: int) -> str:
    """The name of the file of result number `index`."""
    return f"{index:06d}"


def write_request(state: Path, job_id: str, request: Request, arrays: dict[str, np.ndarray]) -> int:
    """Write what a job is asked, as the Submit message that asks it; returns the size of the file."""
    return write_parts(job_folder(state, job_id) / REQUEST, encode(Submit(request), arrays))


def read_request(state: Path, job_id: str) -> tuple[Request, dict[str, np.ndarray]]:
    """What a job is asked, its arrays read-only; raises OSError or ValueError where the file is gone or damaged."""
    submit, arrays = decode(read_parts(job_folder(state, job_id) / REQUEST))
    return submit.request, arrays


def write_parts(path: Path, parts: list[Any]) -> int:
    """Write message parts as one file, whole or not at all: their count and lengths, then the bytes. Returns its size.

    No fsync: what a power cut damages is noticed when it is read, and its job can be submitted again, which is cheaper
    than a disk flush for each frame.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lengths = [memoryview(part).nbytes for part in parts]
    head = struct.pack(f"<I{len(parts)}Q", len(parts), *lengths)
    with whole(path) as temporary, temporary.open("wb") as file:
        file.write(head)
        for part in parts:
            file.write(part)
    return len(head) + sum(lengths)


def read_parts(path: Path) -> list[memoryview]:
    """The parts that `write_parts` wrote; raises OSError or ValueError where the file is gone or damaged."""
    data = memoryview(path.read_bytes())
    try:
        (count,) = struct.unpack_from("<I", data)
        lengths = struct.unpack_from(f"<{count}Q", data, 4)
    except struct.error as error:
        raise ValueError(f"{path} is damaged") from error
    start, parts = 4 + 8 * count, []
    for length in lengths:
        parts.append(data[start : start + length])
        start += length
    if start != len(data):
        raise ValueError(f"{path} is damaged")
    return parts
