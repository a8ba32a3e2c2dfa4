"""A client that does not read for a while, in a process of its own: at the worst libzmq would abort it."""

import os
import subprocess
import sys

SCRIPT = """
import time

from protocol.real_backend import render, until_end

from dollygrip import client
from dollygrip.connection import read_connection

client._HEARTBEAT_MS = 100
with client.Client.connect(read_connection()) as reader:
    job_id = reader.submit(*render(frames=1500))
    reader.credit(job_id, 1024)
    time.sleep(5)
    seen = [reader.poll(1.0) for _ in range(1000)]
    reader.credit(job_id, 1024)
    seen += until_end(reader, job_id)
print([event.index for event in seen if isinstance(event, client.FrameReady)] == list(range(1500)))
"""


def test_a_thousand_messages_may_wait_for_longer_than_the_heartbeat(backend):
    environment = os.environ | {"DOLLYGRIP_HOME": str(backend.state), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
