"""Messages to ZeroMQ parts and back. All that arrives is checked here before anything believes it."""

import json
import math
from typing import Any

import numpy as np
from cattrs import BaseValidationError, Converter, transform_error
from cattrs.strategies import configure_tagged_union

from dollygrip.errors import DollygripError
from dollygrip.protocol.messages import BLOBS, MAX_PIXELS, Blob, Message, Request, Submit
from dollygrip.trajectory import MAX_FRAMES

PROTOCOL_VERSION = 4
MAX_HEADER_BYTES = 2**20
DTYPES = {name: np.dtype(name).newbyteorder("<") for name in ("uint8", "float16", "float32", "float64")}


class ProtocolError(DollygripError, ValueError):
    """A message that is not of this protocol."""

    kind = "protocol"


class VersionError(ProtocolError):
    """A message of another version of this protocol."""

    kind = "version"


def encode(message: Message, arrays: dict[str, np.ndarray] | None = None) -> list[Any]:
    """A message and its arrays as the parts of one ZeroMQ message; raises ProtocolError where they do not fit."""
    arrays = {name: np.asarray(array) for name, array in (arrays or {}).items()}
    described = check_arrays(message, arrays)
    try:
        header = {"v": PROTOCOL_VERSION, **_converter.unstructure(message, Message), "blobs": described}
        head = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"{type(message).__name__} cannot be sent as JSON: {error}.") from error
    if len(head) > MAX_HEADER_BYTES:
        raise ProtocolError(f"The header of {type(message).__name__} is larger than {MAX_HEADER_BYTES} bytes.")
    parts = [np.ascontiguousarray(a, DTYPES[a.dtype.name]).reshape(-1).view(np.uint8).data for a in arrays.values()]
    return [head, *parts]


def check_arrays(message: Message | Request, arrays: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Raise ProtocolError unless a message or request carries these arrays; returns their description for a header."""
    described = [{"name": name, "dtype": a.dtype.name, "shape": list(a.shape)} for name, a in arrays.items()]
    _check_blobs(message, described)
    return described


def decode(parts: list[Any]) -> tuple[Message, dict[str, np.ndarray]]:
    """Parts -> the message and its arrays, which are read-only views of the parts.

    Raises VersionError for another version of the protocol and ProtocolError for anything else that is wrong.
    """
    header = _header(parts)
    blobs = header.pop("blobs", None)
    try:
        message = _converter.structure(header, Message)
    except BaseValidationError as error:
        raise ProtocolError(f"Malformed {header.get('type')}: {'; '.join(transform_error(error))[:500]}.") from error
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"Malformed message of type {str(header.get('type'))[:50]!r}: {error!s:.200}.") from error
    _check_blobs(message, blobs)
    if len(parts) - 1 != len(blobs):
        raise ProtocolError(f"{len(blobs)} arrays were announced and {len(parts) - 1} were sent.")
    arrays = {}
    for blob, part in zip(blobs, parts[1:], strict=True):
        dtype, shape = DTYPES[blob["dtype"]], blob["shape"]
        expected, found = math.prod(shape) * dtype.itemsize, memoryview(part).nbytes
        if found != expected:
            raise ProtocolError(f"The array {blob['name']} must have {expected} bytes, not {found}.")
        arrays[blob["name"]] = np.frombuffer(part, dtype).reshape(shape)
    return message, arrays


def _header(parts: list[Any]) -> dict[str, Any]:
    """The JSON object of the first part, with its version checked and removed."""
    if not parts or memoryview(parts[0]).nbytes > MAX_HEADER_BYTES:
        raise ProtocolError(f"A message must start with a header of at most {MAX_HEADER_BYTES} bytes.")
    try:
        header = json.loads(bytes(parts[0]).decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"A header must be JSON: {error!s:.200}.") from error
    if not isinstance(header, dict) or type(header.get("v")) is not int:
        raise ProtocolError("A header must be a JSON object with a version.")
    version = header.pop("v")
    if version != PROTOCOL_VERSION:
        older, newer = sorted((version, PROTOCOL_VERSION))
        raise VersionError(
            f"The extension and the backend speak different versions of the protocol: {version} and "
            f"{PROTOCOL_VERSION}.",
            f"Update the side that speaks version {older} to the release that speaks version {newer}, and restart it; "
            "`dollygrip stop` ends a backend.",
        )
    return header


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_blobs(message: Message | Request, blobs: Any) -> None:
    """Raise ProtocolError unless the described arrays are those that this message carries."""
    carrier = message.request if isinstance(message, Submit) else message
    wanted = BLOBS.get(type(carrier), {})
    if not isinstance(blobs, list) or not all(
        isinstance(b, dict) and b.keys() == {"name", "dtype", "shape"} and isinstance(b["name"], str) for b in blobs
    ):
        raise ProtocolError("A header must list its arrays as blobs with name, dtype and shape.")
    if not blobs and isinstance(message, Submit) and message.replaces:
        return
    names = [blob["name"] for blob in blobs]
    required = {name for name, blob in wanted.items() if blob.required}
    if len(set(names)) != len(names) or not required <= set(names) <= set(wanted):
        raise ProtocolError(
            f"{type(carrier).__name__} carries the arrays {sorted(wanted)}, not {sorted(map(str, names))[:9]}."
        )
    for blob in blobs:
        _check_blob(blob, wanted[blob["name"]])


def _check_blob(blob: dict[str, Any], wanted: Blob) -> None:
    shape = blob["shape"]
    fits = (
        blob["dtype"] == wanted.dtype
        and isinstance(shape, list)
        and len(shape) == len(wanted.shape)
        and all(type(n) is int and n >= 1 and w in (None, n) for n, w in zip(shape, wanted.shape, strict=True))
    )
    if not fits:
        anything = ", ".join("any" if n is None else str(n) for n in wanted.shape)
        raise ProtocolError(
            f"The array {blob['name']} must be {wanted.dtype} of shape ({anything}), not "
            f"{str(blob['dtype'])[:20]} {str(shape)[:60]}."
        )
    frames = wanted.dtype == "float64" or wanted.dtype == "float16"
    if frames and shape[0] > MAX_FRAMES:
        raise ProtocolError(f"The array {blob['name']} has {shape[0]} frames; at most {MAX_FRAMES} are allowed.")
    pixels = math.prod(n for n, w in zip(shape, wanted.shape, strict=True) if w is None)
    if wanted.dtype != "float64" and pixels > MAX_PIXELS:
        raise ProtocolError(f"The array {blob['name']} has {pixels} pixels; at most {MAX_PIXELS}.")


def _exact(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"must be {kind.__name__}, not {type(value).__name__}")
    return value


def _integer(value: Any, _: type) -> int:
    if abs(_exact(int, value)) >= 2**63:
        raise ValueError("integer out of range")
    return value


def _number(value: Any, _: type) -> float:
    if type(value) not in (int, float) or not abs(value) < 1e300:
        raise ValueError(f"must be a finite number, not {type(value).__name__}")
    return float(value)


def _object(value: Any, _: Any) -> dict[str, Any]:
    return _exact(dict, value)


def _tuple(value: Any, kind: Any) -> tuple:
    if len(_exact(list, value)) != len(kind.__args__):
        raise ValueError(f"must have {len(kind.__args__)} entries, not {len(value)}")
    return tuple(_converter.structure(entry, wanted) for entry, wanted in zip(value, kind.__args__, strict=True))


def _sequence(value: Any, kind: Any) -> list:
    return [_converter.structure(entry, kind.__args__[0]) for entry in _exact(list, value)]


def _make_converter() -> Converter:
    """A converter that takes JSON as it is: exact types, no unknown fields, unions by their tag."""
    converter = Converter(forbid_extra_keys=True)
    for kind in (str, bool):
        converter.register_structure_hook(kind, lambda value, kind: _exact(kind, value))
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(float, _number)
    for kind, hook in ((dict, _object), (tuple, _tuple), (list, _sequence)):
        converter.register_structure_hook_func(lambda t, kind=kind: getattr(t, "__origin__", None) is kind, hook)
    for union in (Request, Message):
        configure_tagged_union(union, converter, tag_name="type")
    return converter


_converter = _make_converter()
