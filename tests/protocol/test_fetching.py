"""Models fetched by a real server from a hub on this machine."""

import json
import re
import time

import pytest
from fake_hub import FakeHub, save_depth_anything
from protocol.real_backend import predict, until_end, wait_for

from dollygrip.connection import BackendError
from dollygrip.protocol import Cancelled, Done, Failed, FetchRequest, Progress, Queued
from dollygrip_backend.scene.depth_model import DEPTH

LICENCE = "test-licence-1.0"
MODEL = DEPTH.name


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with Depth Anything, and a home that knows of no model."""
    save_depth_anything(tmp_path / "hub")
    with FakeHub(DEPTH.repo, tmp_path / "hub").running() as hub:
        places = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": tmp_path / "cache", "DOLLYGRIP_HOME": tmp_path / "home"}
        for name, value in places.items():
            monkeypatch.setenv(name, str(value))
        yield hub
        hub.go_on.set()


@pytest.fixture
def client(hub, backend):
    """Of a backend that knows of that hub alone."""
    with backend.client() as client:
        yield client


def fetch(client, licence=LICENCE):
    return client.submit(FetchRequest(model=MODEL, licence=licence), {})


def ready(welcome):
    return {model.name: model.ready for model in welcome.models}[MODEL]


def stands_still(client, job):
    """Wait until a download that the hub holds has got as far as it gets."""
    while not (isinstance(event := client.poll(10), Progress) and event.job_id == job and event.done > 10_000_000):
        assert event


def position_of(client, job):
    """How many jobs are ahead of one that waits."""
    while not (isinstance(event := client.poll(10), Queued) and event.job_id == job):
        assert event
    return event.position


def incomplete(tmp_path):
    return list((tmp_path / "cache").rglob("*.incomplete"))


def test_it_is_asked_first_what_there_is_to_accept_and_fetched_then(client, hub, tmp_path):
    assert not ready(client.welcome)
    [*_, asked] = until_end(client, fetch(client, licence=""))
    assert isinstance(asked, Done) and not hub.ranges
    assert asked.summary["licence"] == LICENCE and asked.summary["folder"] == str(tmp_path / "cache")
    assert asked.summary["missing_bytes"] <= asked.summary["total_bytes"] and asked.summary["total_bytes"] > 28_000_000
    *events, done = until_end(client, fetch(client))
    assert isinstance(done, Done), done
    told = [event.done for event in events if isinstance(event, Progress) and event.stage == "downloading"]
    assert told == sorted(told) and told[-1] <= asked.summary["total_bytes"]
    assert ready(client.hello()) and not ready(client.welcome)
    assert not list((tmp_path / "cache").rglob("*.bin"))


def test_a_download_holds_up_neither_predictions_nor_answers(client, hub):
    hub.hold_after = 12_000_000
    job = fetch(client)
    stands_still(client, job)
    began = time.monotonic()
    assert client.hello()
    assert time.monotonic() - began < 1
    [*events, done] = until_end(client, client.submit(*predict()))
    assert isinstance(done, Done) and not [event for event in events if getattr(event, "position", 0)]
    behind = fetch(client)
    assert position_of(client, behind) == 1, "another download waits for this one"
    hub.go_on.set()
    assert isinstance(until_end(client, job)[-1], Done) and isinstance(until_end(client, behind)[-1], Done)
    assert len(hub.ranges) == 2, "and finds all there"


def test_cancel_takes_effect_at_once_and_keeps_what_is_complete(client, hub, tmp_path):
    hub.hold_after = 12_000_000
    job = fetch(client)
    stands_still(client, job)
    assert incomplete(tmp_path)
    began = time.monotonic()
    client.cancel(job)
    assert isinstance(until_end(client, job)[-1], Cancelled)
    assert time.monotonic() - began < 1, "though no byte arrives"
    hub.go_on.set()
    wait_for(lambda: not incomplete(tmp_path))
    assert not ready(client.hello())
    hub.hold_after, hub.ranges = None, []
    assert isinstance(until_end(client, fetch(client))[-1], Done)
    assert len(hub.ranges) == 1, "the small file was there"


def test_a_download_goes_on_after_the_server_was_killed(client, backend, hub, tmp_path):
    """And what it left unfinished takes no room for ever."""
    hub.hold_after = 12_000_000
    job = fetch(client)
    stands_still(client, job)
    backend.kill()
    hub.hold_after = None
    hub.go_on.set()
    backend.start()
    with backend.client() as again:
        again.attach(job)
        assert isinstance(until_end(again, job)[-1], Done)
        assert ready(again.hello())
    assert not incomplete(tmp_path)


def another_licence(hub, _):
    hub.card = {"license": "another-licence"}


def wrong_bytes(hub, _):
    hub.corrupt = True


def another_model(hub, _):
    (hub.folder / "config.json").write_text(json.dumps({"model_type": "vit"}))


def cut_off(hub, _):
    hub.cut_after = 1_000_000


@pytest.mark.parametrize(
    ("trouble", "kind", "says"),
    [
        (another_licence, "licence", "states the licence another-licence for .*, not test-licence-1.0"),
        (wrong_bytes, "weights", "is not what the hub says it is; it was deleted"),
        (another_model, "weights", "holds a vit, not a depth_anything"),
        (cut_off, "download", "failed"),
        (lambda _, patch: patch.setenv("HF_HUB_OFFLINE", "1"), "download", "HF_HUB_OFFLINE"),
        (lambda _, patch: patch.setenv("HF_ENDPOINT", "http://127.0.0.1:9"), "download", "failed .*Connect"),
    ],
)
def test_what_goes_wrong_is_one_sentence_with_a_way_out(hub, request, monkeypatch, trouble, kind, says):
    trouble(hub, monkeypatch)
    with request.getfixturevalue("backend").client() as client:
        [*_, failed] = until_end(client, fetch(client))
        assert isinstance(failed, Failed) and failed.kind == kind and failed.hint, failed
        assert re.search(says, failed.message) and "\n" not in failed.message
        assert not ready(client.hello())


def test_wrong_bytes_are_fetched_again(client, hub):
    hub.corrupt = True
    assert isinstance(until_end(client, fetch(client))[-1], Failed)
    hub.corrupt = False
    assert isinstance(until_end(client, fetch(client))[-1], Done) and ready(client.hello())


def test_only_what_is_on_the_list_is_fetched(client, hub):
    with pytest.raises(BackendError, match="no model called 'own/evil'") as refused:
        client.submit(FetchRequest(model="own/evil"), {})
    assert MODEL in refused.value.hint
