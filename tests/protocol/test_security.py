"""Nobody without a key gets in, nothing unknown brings the server down, and other versions are told so."""

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import attrs
import numpy as np
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protocol.real_backend import HERE, PYTHONPATH, Backend, predict, render

from dollygrip import protocol
from dollygrip.client import Client
from dollygrip.connection import BackendError, Connection
from dollygrip.protocol import Done, Failed, Welcome
from dollygrip_backend.server.keys import Authoriser


class RawClient:
    """A DEALER with the right keys that sends what it is told."""

    def __init__(self, connection):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.curve_serverkey = connection.server_public.encode()
        self.socket.curve_publickey = connection.client_public.encode()
        self.socket.curve_secretkey = connection.client_secret.encode()
        self.socket.connect(connection.endpoint)

    def ask(self, parts, timeout_ms=5000):
        self.socket.send_multipart(parts)
        assert self.socket.poll(timeout_ms), "no answer"
        return protocol.decode(self.socket.recv_multipart())[0]


@pytest.fixture
def raw(backend):
    raw = RawClient(backend.connection)
    yield raw
    raw.socket.close()


def test_an_unknown_key_is_refused_until_it_is_authorised(backend):
    public, secret = (key.decode() for key in zmq.curve_keypair())
    stranger = attrs.evolve(backend.connection, client_public=public, client_secret=secret)
    with pytest.raises(BackendError) as caught:
        Client.connect(stranger)
    assert caught.value.kind == "refused" and "authorized_keys" in caught.value.hint
    (backend.state / "authorized_keys" / "laptop.key").write_text(public + "\n")
    with Client.connect(stranger) as client:
        assert isinstance(list(client.run(*predict()))[-1], Done)


def test_without_encryption_or_with_the_wrong_server_key_there_is_no_answer(backend):
    plain = zmq.Context.instance().socket(zmq.DEALER)
    plain.linger = 0
    plain.connect(backend.connection.endpoint)
    plain.send_multipart(protocol.encode(protocol.Hello()))
    assert not plain.poll(500)
    plain.close()
    other_key = zmq.curve_keypair()[0].decode()
    with pytest.raises(BackendError, match="key") as caught:
        Client.connect(attrs.evolve(backend.connection, server_public=other_key), timeout=0.5)
    assert caught.value.kind == "unreachable"


def test_no_backend_is_said_at_once(backend):
    connection = backend.connection
    backend.kill()
    with pytest.raises(BackendError, match="No backend answers") as caught:
        Client.connect(connection, timeout=20)
    assert caught.value.kind == "unreachable"
    with pytest.raises(BackendError, match="no address"):
        Client.connect(attrs.evolve(connection, endpoint="nonsense"))
    with pytest.raises(BackendError, match="no address"):
        Client.connect(attrs.evolve(connection, client_secret="short"))


def test_secrets_are_for_their_user_alone(backend):
    for folder in (backend.state, backend.state / "keys", backend.state / "authorized_keys"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in (backend.state / "connection.json", backend.state / "keys" / "curve.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert backend.connection.client_secret not in repr(backend.connection)


def test_a_folder_of_the_users_own_stays_open_and_what_lies_in_it_is_private(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    own.chmod(0o755)
    backend = Backend(own)
    backend.start()
    try:
        with backend.client() as client:
            client.submit(*predict())
        assert stat.S_IMODE(own.stat().st_mode) == 0o755
        for folder in ("keys", "authorized_keys", "jobs"):
            assert stat.S_IMODE((own / folder).stat().st_mode) == 0o700
        for file in ("connection.json", "keys/curve.json"):
            assert stat.S_IMODE((own / file).stat().st_mode) == 0o600
    finally:
        backend.close()


def test_a_client_of_another_version_is_told_so(raw):
    answer = raw.ask([json.dumps({"v": 99, "type": "Hello", "blobs": []}).encode()])
    assert isinstance(answer, Failed)
    assert (
        answer.kind == "version" and f"99 and {protocol.PROTOCOL_VERSION}" in answer.message and "Update" in answer.hint
    )
    assert "`dollygrip stop`" in answer.hint


def test_a_server_of_another_version_is_noticed():
    context = zmq.Context()
    server_public, server_secret = zmq.curve_keypair()
    public, secret = (key.decode() for key in zmq.curve_keypair())
    socket = context.socket(zmq.ROUTER)
    socket.linger = 0
    socket.curve_server, socket.curve_secretkey = True, server_secret
    port = socket.bind_to_random_port("tcp://127.0.0.1")

    newer = protocol.PROTOCOL_VERSION + 1

    def answer():
        client = socket.recv_multipart()[0]
        socket.send_multipart([client, json.dumps({"v": newer, "type": "Welcome", "new": []}).encode()])

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(BackendError) as caught:
        Client.connect(Connection(f"tcp://127.0.0.1:{port}", server_public.decode(), public, secret))
    thread.join()
    socket.close()
    context.term()
    assert caught.value.kind == "version" and f"{newer} and {newer - 1}" in caught.value.message


HELLO = protocol.encode(protocol.Hello())


def test_malformed_messages_get_a_typed_answer_and_the_server_lives(raw):
    for parts in (
        [b""],
        [b"{}"],
        [b"\xff\xfe"],
        [*HELLO, b"x"],
        [HELLO[0].replace(b"Hello", b"Welcome")],
        protocol.encode(protocol.Ready("cpu")),
        protocol.encode(protocol.Cancelled("0" * 32)),
        protocol.encode(protocol.Frame("0" * 32, 0), {"rgb": np.zeros((2, 2, 3), np.uint8)}),
    ):
        answer = raw.ask(parts)
        assert isinstance(answer, Failed) and answer.kind == "protocol", parts
    assert isinstance(raw.ask(HELLO), Welcome)


def shot_with(meta):
    """The parts of a render whose trajectory has this JSON as its meta."""
    head, *arrays = protocol.encode(protocol.Submit(render()[0]), render()[1])
    return [head.replace(b'"meta":{}', b'"meta":' + meta), *arrays]


@pytest.mark.parametrize(
    ("meta", "kind"),
    [
        (b'{"reference":5}', "input"),
        (b'{"reference":[]}', "input"),
        (b'{"reference":{"c2w":[[' + b"9" * 400 + b']],"intrinsics":[1]}}', "input"),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "protocol"),
    ],
)
def test_an_odd_meta_is_refused_and_the_server_lives(raw, meta, kind):
    answer = raw.ask(shot_with(meta))
    assert isinstance(answer, Failed) and answer.kind == kind
    assert isinstance(raw.ask(HELLO), Welcome)


def test_the_arrays_of_a_job_of_another_kind_are_refused(backend):
    depth = protocol.DepthRequest(), predict()[1]
    with backend.client() as client:
        for (request, _), earlier in ((render(), predict()), (predict(), render()), (render(), depth)):
            job = client.submit(*earlier)
            with pytest.raises(BackendError, match="carries the arrays"):
                client.submit(request, {}, replaces=job)
        assert client.hello()


def test_a_refusal_is_short_however_long_what_it_quotes(raw):
    head, *arrays = protocol.encode(protocol.Submit(render()[0]), render()[1])
    answer = raw.ask([head.replace(b"embedded", "é".encode() * 400_000), *arrays])
    assert isinstance(answer, Failed) and answer.kind == "input" and "no video engine" in answer.message


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=64) | st.sampled_from(HELLO), min_size=1, max_size=4))
def test_random_parts_never_bring_the_server_down(raw, parts):
    answer = raw.ask(parts)
    assert isinstance(answer, Welcome if parts == HELLO else Failed)
    assert isinstance(raw.ask(HELLO), Welcome)


def test_an_oversized_part_ends_its_connection_alone(backend, raw):
    raw.socket.send_multipart([HELLO[0], bytes(2**28 + 1)])
    with backend.client() as client:
        assert isinstance(list(client.run(*predict()))[-1], Done)


def test_a_second_server_on_one_state_is_refused(backend):
    before = backend.connection
    second = subprocess.run(
        [sys.executable, str(HERE / "serve.py"), str(backend.state), "0", "600"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": PYTHONPATH},
        check=False,
        timeout=20,
    )
    assert "is running already" in second.stderr
    assert backend.connection == before


def test_the_server_never_loads_torch():
    code = (
        "import sys, dollygrip_backend.server.server, dollygrip_backend.cli.main\n"
        "import dollygrip_backend.workers.main\n"
        "loaded = {'torch', 'diffusers', 'transformers', 'bpy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_key_file_or_folder_that_cannot_be_read_locks_out_nobody_else(backend):
    folder = backend.state / "authorized_keys"
    (folder / "broken.key").symlink_to("/proc/self/mem")  # a file whose first byte cannot be read, by root either
    public, secret = (key.decode() for key in zmq.curve_keypair())
    stranger = attrs.evolve(backend.connection, client_public=public, client_secret=secret)
    for breakage in (lambda: None, lambda: shutil.rmtree(folder)):
        breakage()
        with pytest.raises(BackendError) as caught:
            Client.connect(stranger, timeout=3)
        assert caught.value.kind == "refused"
        backend.client().close()
    folder.mkdir()
    (folder / "broken.key").symlink_to("/proc/self/mem")
    (folder / "laptop.key").write_text(public)
    Client.connect(stranger).close()


def test_what_cannot_be_read_is_logged_and_refused(tmp_path, monkeypatch, caplog):
    authoriser = Authoriser(tmp_path, "local", "worker")
    (tmp_path / "authorized_keys" / "laptop.key").write_text("x" * 40)
    assert authoriser.callback("client", b"x" * 40)

    def vanished(*_, **__):
        raise FileNotFoundError("laptop.key")

    monkeypatch.setattr(Path, "read_text", vanished)
    assert not authoriser.callback("client", b"x" * 40) and authoriser.callback("client", b"local")
    assert "laptop.key" in caplog.text
