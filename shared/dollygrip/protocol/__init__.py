"""The wire between the extension and the backend.

One ZeroMQ message is a small JSON header followed by one raw part for each array (pixels, depth, poses):

    {"v": 1, "type": "Frame", "job_id": "…", "index": 7, "blobs": [{"name": "rgb", "dtype": "uint8", "shape": […]}]}

`messages` holds the classes, `framing` turns them into parts and back. Nothing is believed before it is checked: an
unknown version, field, type, dtype, shape or length raises ProtocolError.
"""

from dollygrip.protocol.framing import PROTOCOL_VERSION, ProtocolError, VersionError, check_arrays, decode, encode
from dollygrip.protocol.messages import (
    Accepted,
    Achieved,
    Attach,
    Cancel,
    Cancelled,
    Credit,
    Depth,
    DepthRequest,
    Done,
    EngineInfo,
    Failed,
    FetchRequest,
    Frame,
    Hello,
    Limits,
    LookRequest,
    MeasureRequest,
    Message,
    ModelInfo,
    PredictRequest,
    Progress,
    Queued,
    Ready,
    RenderRequest,
    Request,
    Run,
    Submit,
    Take,
    TrajectoryHeader,
    Welcome,
)

__all__ = [
    "PROTOCOL_VERSION",
    "Accepted",
    "Achieved",
    "Attach",
    "Cancel",
    "Cancelled",
    "Credit",
    "Depth",
    "DepthRequest",
    "Done",
    "EngineInfo",
    "Failed",
    "FetchRequest",
    "Frame",
    "Hello",
    "Limits",
    "LookRequest",
    "MeasureRequest",
    "Message",
    "ModelInfo",
    "PredictRequest",
    "Progress",
    "ProtocolError",
    "Queued",
    "Ready",
    "RenderRequest",
    "Request",
    "Run",
    "Submit",
    "Take",
    "TrajectoryHeader",
    "VersionError",
    "Welcome",
    "check_arrays",
    "decode",
    "encode",
]
