"""A model hub on this machine: serves folders by the part of the Hugging Face API that a download uses."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlparse

COMMIT = "c0ffee" + "0" * 34


class FakeHub:
    """One repository. cut_after: bytes after which a connection breaks; hold_after: those after which it stands still,
    until `go_on` is set; corrupt: send wrong bytes; card: what the repository says of itself.
    """

    def __init__(self, repo: str, folder: Path):
        self.repo, self.folder = repo, folder
        self.cut_after: int | None = None
        self.hold_after: int | None = None
        self.go_on = threading.Event()
        self.card = {"license": "test-licence-1.0"}
        self.corrupt = False
        self.ranges: list[str] = []  # of the requests for weights
        self.url = ""

    @contextlib.contextmanager
    def running(self) -> Iterator["FakeHub"]:
        """Serve on a free port of the loopback."""
        handler = type("Handler", (_Handler,), {"hub": self})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            yield self
            server.shutdown()

    def files(self) -> dict[str, Path]:
        return {f.relative_to(self.folder).as_posix(): f for f in sorted(self.folder.rglob("*")) if f.is_file()}


def save_depth_anything(folder: Path) -> None:
    """What a download looks at of Depth Anything: a small file of weights, one of three chunks; one it leaves alone."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "depth_anything"}))
    for name, size in (("a", 9), ("model", 28_000_000)):
        header = json.dumps({"x": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
        (folder / f"{name}.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    (folder / "weights.bin").write_bytes(b"could be pickled code")


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._json([])

    def _answer(self, body: bool) -> None:
        path, hub = unquote(urlparse(self.path).path).strip("/"), self.hub
        if path.startswith(f"api/models/{hub.repo}/tree/"):
            self._json([_entry(name, file) for name, file in hub.files().items()])
        elif path == f"api/models/{hub.repo}" or path.startswith(f"api/models/{hub.repo}/revision/"):
            siblings = [{"rfilename": name} for name in hub.files()]
            self._json({"id": hub.repo, "sha": COMMIT, "siblings": siblings, "cardData": hub.card, "private": False})
        elif path.startswith(f"{hub.repo}/resolve/") and (name := path.split("/", 4)[4]) in hub.files():
            self._file(hub.files()[name], body)
        else:
            self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})

    def _json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self._head(status, {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(data)

    def _file(self, file: Path, body: bool) -> None:
        data, hub, start = file.read_bytes(), self.hub, 0
        weights = file.suffix == ".safetensors"
        etag = hashlib.sha256(data).hexdigest() if weights else _git_hash(data)
        head = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        wanted = self.headers.get("Range")
        if wanted:
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            head["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if body and weights:
            hub.ranges.append(wanted or "")
            data = bytes(len(data)) if hub.corrupt else data
        data = data[start:]
        self._head(206 if wanted else 200, head | {"Content-Length": str(len(data))})
        if not body:
            return
        if weights and hub.cut_after is not None and len(data) > hub.cut_after:
            data = data[: hub.cut_after]
            self.close_connection = True
        with contextlib.suppress(OSError):  # who cancels leaves in the middle
            if weights and hub.hold_after is not None and len(data) > hub.hold_after:
                self.wfile.write(data[: hub.hold_after])
                self.wfile.flush()
                hub.go_on.wait(60)
                data = data[hub.hold_after :]
            self.wfile.write(data)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()


def _entry(name: str, file: Path) -> dict:
    data = file.read_bytes()
    entry = {"type": "file", "path": name, "size": len(data), "oid": _git_hash(data)}
    if file.suffix == ".safetensors":
        entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return entry


def _git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
