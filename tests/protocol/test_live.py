"""Live direction against a real server: the newest request wins, pictures travel once, losses are survived."""

import sqlite3

import attrs
import numpy as np
import pytest
from protocol.real_backend import image, predict, until_end, wait_for

from dollygrip.client import Client, TakeReady
from dollygrip.connection import BackendError
from dollygrip.live import LivePredictor
from dollygrip.protocol import Cancelled, PredictRequest, Queued, decode
from dollygrip_backend.stored import read_parts


@pytest.fixture
def live(backend):
    live = LivePredictor(lambda: Client.connect(backend.connection))
    yield live
    live.close()


def ask(live, prompt, arrays=None):
    return live.ask(PredictRequest(prompt=prompt, frames=5), arrays or {"image": image()})


def answers_until(live, number):
    """All answers up to that of request `number`."""
    found = []
    wait_for(lambda: (answer := live.answer()) and (found.append(answer) or answer.number >= number))
    return found


def states(backend):
    """States of all jobs, in the order of their submission."""
    with sqlite3.connect(backend.state / "jobs.sqlite") as store:
        return [row[0] for row in store.execute("SELECT state FROM jobs ORDER BY number")]


def stored(backend, job_id):
    return backend.state / "jobs" / job_id / "request"


def test_the_newest_wins_and_what_lies_between_is_never_asked(backend, live, tmp_path):
    all_asked = tmp_path / "asked"
    answers_until(live, ask(live, "warm"))
    first = ask(live, f"until={all_asked} one")
    # The take of "warm" comes a moment before its job's end, so that this may be what runs.
    wait_for(lambda: states(backend) == ["done", "running"] and live.asked == first)
    wait_for(lambda: live.stage not in ("", "queue"))
    for prompt in ("two", "three", "four"):
        last = ask(live, prompt)
    all_asked.touch()
    answers = answers_until(live, last)
    # The one under way is answered too, and may be fetched before the newest takes its place.
    assert {answer.number for answer in answers} <= {first, last}
    assert answers[-1].trajectory.meta["prompt"] == "four"
    wait_for(lambda: "running" not in states(backend))  # the last take comes a moment before its job's end
    assert states(backend) == ["done"] * 3


def test_what_waits_in_the_queue_is_cancelled(backend, client, live, tmp_path):
    all_asked = tmp_path / "asked"
    job = client.submit(*predict(f"until={all_asked}"))
    wait_for(lambda: states(backend) == ["running"])
    ask(live, "old")
    wait_for(lambda: len(states(backend)) == 2)
    last = ask(live, "new")
    wait_for(lambda: len(states(backend)) == 3)
    all_asked.touch()
    assert [answer.number for answer in answers_until(live, last)] == [last]
    wait_for(lambda: "running" not in states(backend))
    assert states(backend) == ["done", "cancelled", "done"], "nobody else's job is touched"
    assert any(isinstance(event, TakeReady) for event in until_end(client, job))


def test_pictures_travel_once_and_only_the_last_job_keeps_them(backend, live):
    arrays = {"image": image(40, 30), "depth": np.full((30, 40), 2.5, np.float32)}
    jobs = []
    for prompt in ("one", "two", "three"):
        jobs += [answer.job_id for answer in answers_until(live, ask(live, prompt, arrays))]
    assert [stored(backend, job).exists() for job in jobs] == [False, False, True]
    run, kept = decode(read_parts(stored(backend, jobs[-1])))
    assert run.request.prompt == "three" and all(np.array_equal(kept[name], arrays[name]) for name in arrays)
    other = {"image": image(64, 48)}
    [answer] = answers_until(live, ask(live, "four", other))
    assert answer.trajectory.size == (64, 48), "another picture is sent"


def test_a_job_takes_the_place_of_another(backend, client):
    client.submit(*predict("sleep=0.8"))
    waiting = client.submit(*predict("old"))
    newer = client.submit(predict("new")[0], {}, replaces=waiting)
    assert until_end(client, waiting) == [Queued(waiting, 1), Cancelled(waiting)]
    assert [e.trajectory.meta["prompt"] for e in until_end(client, newer) if isinstance(e, TakeReady)] == ["new"]


def test_refusals_leave_the_earlier_job_alone(backend, client):
    job = client.submit(*predict("sleep=0.5"))
    with pytest.raises(BackendError) as refused:
        client.submit(attrs.evolve(predict()[0], prompt=" "), {}, replaces=job)
    assert refused.value.kind == "input"
    with pytest.raises(BackendError) as unknown:
        client.submit(predict()[0], {}, replaces="0" * 32)
    assert unknown.value.kind == "unknown" and "Send them again" in unknown.value.hint
    with pytest.raises(ValueError, match="replaces"):
        client.submit(predict()[0], {}, replaces="../../etc")
    assert any(isinstance(event, TakeReady) for event in until_end(client, job))


def test_errors_are_answers_and_the_next_request_is_as_good_as_any(live):
    [answer] = answers_until(live, ask(live, "fail=0"))
    assert answer.trajectory is None and answer.error.message == "The scripted job fails."
    [answer] = answers_until(live, ask(live, "go"))
    assert answer.error is None and len(answer.trajectory) == 5
    assert live.answer() is None and live.answered == live.asked == 2


def test_a_lost_backend_is_said_once_and_found_again(backend, live):
    arrays = {"image": image()}
    answers_until(live, ask(live, "one", arrays))
    port = int(backend.connection.endpoint.rsplit(":", 1)[1])
    backend.kill()
    [answer] = answers_until(live, ask(live, "two", arrays))
    assert answer.error.kind in ("lost", "unreachable") and live.answer() is None
    backend.start(port)
    [answer] = answers_until(live, ask(live, "three", arrays))
    assert answer.trajectory.meta["prompt"] == "three"
