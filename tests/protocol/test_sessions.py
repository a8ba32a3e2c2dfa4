"""What one client is sent, over a socket that takes as much as a test allows."""

import pytest
from protocol.real_backend import image, predict, render

from dollygrip.protocol import Done, Frame, Progress, Queued, decode, encode
from dollygrip_backend.server.sessions import Sessions


class Socket:
    """Takes `room` messages for each client."""

    def __init__(self):
        self.room, self.sent = 1000, []

    def send(self, client, parts):
        if not self.room:
            return False
        self.room -= 1
        self.sent.append(decode(parts)[0])
        return True


@pytest.fixture
def socket():
    return Socket()


@pytest.fixture
def sessions(store, socket):
    return Sessions(store, socket.send)


def rendered(store, frames):
    """A job that has ended."""
    job = store.create(store.write(*render(frames=frames)))
    for index in range(frames):
        store.add_result(job.id, index, encode(Frame(job.id, index), {"rgb": image(64, 64)}))
    store.end(Done(job.id))
    return store.get(job.id)


def test_what_a_full_socket_does_not_take_is_sent_when_it_has_room(store, socket, sessions):
    job = rendered(store, 6)
    sessions.subscribe(b"a", job, 0)
    sessions.credit(b"a", job.id, 100)
    while len(socket.sent) < 7:
        socket.room = 1
        sessions.deliver()
        sessions.deliver()
    assert [message.index for message in socket.sent[:6]] == list(range(6))
    assert socket.sent[6] == Done(job.id)
    socket.room = 1
    assert not sessions.deliver() and len(socket.sent) == 7


def test_news_that_a_full_socket_does_not_take_is_replaced_by_newer(store, socket, sessions):
    ahead, job = store.create(store.write(*predict())), store.create(store.write(*predict()))
    sessions.subscribe(b"a", job, 0)
    socket.room = 0
    store.end(Done(ahead.id))
    sessions.moved()
    sessions.progressed(Progress(job.id, "camera", 1, 2))
    socket.room = 2
    sessions.moved()
    sessions.progressed(Progress(job.id, "camera", 2, 2))
    assert socket.sent == [Queued(job.id, 0), Progress(job.id, "camera", 2, 2)]


def test_a_client_that_has_left_with_several_jobs_is_forgotten(store, socket, sessions):
    def left(client, parts):
        leaving.forget(client)
        return False

    leaving = Sessions(store, left)
    for _ in range(2):
        leaving.subscribe(b"a", rendered(store, 1), 1)
    assert not leaving.deliver()


def test_a_long_line_that_moves_on_is_looked_at_once(store, socket, sessions):
    """Not once for each who waits: the server answers nobody meanwhile."""
    jobs = [store.create(store.write(*predict())) for _ in range(40)]
    for job in jobs:
        sessions.subscribe(b"a", job, 0)
    store.start(jobs[0].id)
    store.end(Done(jobs[0].id))
    asked = []
    store._db.set_trace_callback(asked.append)
    sessions.moved()
    assert len(asked) == 1
    assert socket.sent == [Queued(job.id, position) for position, job in enumerate(jobs[1:])]
