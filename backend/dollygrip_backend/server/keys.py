"""Who may talk to this server: its CURVE keys, the local client's, and the folder of authorised remote keys."""

import json
import logging
import re
from pathlib import Path

import attrs
import zmq
from attrs.validators import matches_re

from dollygrip.connection import BackendError
from dollygrip.state_folder import private_dir, write_private

log = logging.getLogger("dollygrip.server")
_Z85_KEY = re.compile(r"[0-9A-Za-z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")


@attrs.frozen
class Keys:
    """The server's key pair and that of the clients of this user on this machine (Z85)."""

    server_public: str = attrs.field(validator=matches_re(_Z85_KEY))
    server_secret: str = attrs.field(validator=matches_re(_Z85_KEY), repr=False)
    client_public: str = attrs.field(validator=matches_re(_Z85_KEY))
    client_secret: str = attrs.field(validator=matches_re(_Z85_KEY), repr=False)


def ensure_keys(state: Path) -> Keys:
    """The keys in the state folder, made at the first start and kept, so that remote clients know the server again."""
    path = private_dir(state / "keys") / "curve.json"
    if not path.exists():
        server, client = zmq.curve_keypair(), zmq.curve_keypair()
        keys = Keys(*(key.decode() for key in (*server, *client)))
        write_private(path, json.dumps(attrs.asdict(keys)))
    try:
        return Keys(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BackendError(
            f"The keys in {path} cannot be read.", "Delete the file to make new ones.", "keys"
        ) from error


class Authoriser:
    """Answers ZeroMQ's question (ZAP) whether a public key may connect.

    Clients: the local key, and any key that is the content of a file in `authorized_keys/`, one key a file. The folder
    is read at each connection, so a key is admitted or withdrawn without a restart; what cannot be read admits nobody.
    Workers: the pool's key alone.
    """

    def __init__(self, state: Path, client_public: str, worker_public: str):
        self._folder = private_dir(state / "authorized_keys")
        self._own = {"client": client_public, "worker": worker_public}

    def callback(self, domain: str, key: bytes) -> bool:
        """Called by pyzmq's authenticator thread, which an exception would end, with the client's Z85 public key."""
        public = key.decode()
        allowed = public == self._own.get(domain) or (domain == "client" and public in self._authorized())
        if not allowed:
            log.warning("refused the unknown key %s (%s)", public, domain)
        return allowed

    def _authorized(self) -> set[str]:
        try:
            texts = [_content(path) for path in self._folder.iterdir()]
        except OSError as error:
            log.warning("the authorised keys cannot be read: %s", error)
            return set()
        return {text for text in texts if _Z85_KEY.fullmatch(text)}


def _content(path: Path) -> str:
    """The text of a file, stripped; "" for what is no file or cannot be read."""
    try:
        return path.read_text("utf-8", errors="replace").strip() if path.is_file() else ""
    except OSError as error:
        log.warning("the key file %s cannot be read: %s", path, error)
        return ""
