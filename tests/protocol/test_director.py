"""A director is there for clients where the backend has one, and reaches the worker."""

from protocol.real_backend import Backend, predict

from dollygrip.client import TakeReady


def test_clients_learn_of_the_director_and_may_ask_for_it(tmp_path):
    backend = Backend(tmp_path / "state", director="somebody/model")
    backend.start()
    try:
        with backend.client() as client:
            assert client.welcome.director == "somebody/model"
            [take] = [e.trajectory for e in client.run(*predict(direct=True)) if isinstance(e, TakeReady)]
            assert take.meta["director"]["model"] == "somebody/model" and take.meta["director"]["asked"] == "go"
            [take] = [e.trajectory for e in client.run(*predict()) if isinstance(e, TakeReady)]
            assert "director" not in take.meta
    finally:
        backend.close()


def test_without_one_there_is_none(client):
    assert client.welcome.director == ""
    assert next(engine for engine in client.welcome.engines if engine.name == "embedded").keeps_geometry
