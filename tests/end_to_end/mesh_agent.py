"""Agents of a mesh, each a process of its own, that note down what they do before anybody else can know it.

    python mesh_agent.py talk NAME PEER WITNESS PUBLISH SUBSCRIBE PUSH
    python mesh_agent.py tell NAME WITNESS URL          # waits for positions
    python mesh_agent.py fire NAME WITNESS URL          # over ZeroMQ, with the client

`WITNESS.sent` holds a line for every message *before* it is sent, `WITNESS.acked` one for every position that was
heard. They end on SIGTERM, with everything sent; they may be killed at any instant.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import uuid
from collections import deque
from datetime import datetime
from typing import Any

import zmq

from eventsrc.client import Client, Receipt

PAUSE = 0.015  # seconds between two messages of one agent

stopping = False


def stop(_number: int, _frame: object) -> None:
    """Asks the loops to end."""
    global stopping
    stopping = True


class Witness:
    """A file of one process' own, each line in it at once."""

    def __init__(self, path: str, kind: str) -> None:
        self._fd = os.open(f"{path}.{kind}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, value: dict[str, Any]) -> None:
        os.write(self._fd, json.dumps(value).encode() + b"\n")


class Sockets:
    """What an agent of the mesh has."""

    def __init__(self, name: str, publish: str, subscribe: str, push: str) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.pub = self._connected(zmq.PUB, publish)
        self.push = self._connected(zmq.PUSH, push)
        self.sub = self.context.socket(zmq.SUB)
        self.sub.subscribe(name)
        self.sub.connect(subscribe)

    def tell(self, event: str, name: str, message: Any) -> None:
        """The copy for the recorder; a recorder that is away for long makes nobody wait."""
        told = {"event_type": event, "agent": name, "timestamp": datetime.now().isoformat(), "message": message}
        try:
            self.push.send(json.dumps(told).encode(), zmq.NOBLOCK)
        except zmq.Again:
            return

    def close(self) -> None:
        self.context.destroy(linger=2000)

    def _connected(self, kind: int, endpoint: str) -> zmq.Socket[bytes]:
        made = self.context.socket(kind)
        made.setsockopt(zmq.SNDHWM, 100_000)
        made.setsockopt(zmq.RECONNECT_IVL, 50)
        made.connect(endpoint)
        return made


def talk(name: str, peer: str, witness: str, publish: str, subscribe: str, push: str) -> None:
    """Publishes to a peer through the broker, hears what is for it, and tells the recorder of both."""
    sent, run, n = Witness(witness, "sent"), uuid.uuid4().hex[:8], 0
    sockets = Sockets(name, publish, subscribe, push)
    while not stopping:
        n += 1
        message = spoken(name, peer, run, n)
        payload = json.dumps(message)
        sent.note({"run": run, "n": n, "payload": payload})
        sockets.pub.send_multipart([peer.encode(), payload.encode()])
        sockets.tell("sent", name, message)
        until = time.monotonic() + PAUSE
        while (left := until - time.monotonic()) > 0:
            if sockets.sub.poll(max(1, int(left * 1000))):
                sockets.tell("received", name, json.loads(sockets.sub.recv_multipart()[1]))
    sockets.close()


def spoken(name: str, peer: str, run: str, n: int) -> dict[str, Any]:
    """An agent message as they are on the wire."""
    return {
        "message_id": f"{name}_{run}_{n}",
        "timestamp": datetime.now().isoformat(),
        "from": name,
        "to": peer,
        "type": "request" if n % 3 else "inform",
        "priority": "NORMAL",
        "content": {"message": f"Nachricht {n} für {peer}", "run": run, "n": n},
    }


def tell(name: str, witness: str, url: str) -> None:
    """Sends with acknowledgement and notes every position that it hears."""
    acked, run, n = Witness(witness, "acked"), uuid.uuid4().hex[:8], 0
    waiting: deque[tuple[int, Receipt]] = deque()
    with Client(url, source=f"urn:agent:{name}", linger=30) as client:
        while not stopping or waiting:
            if not stopping and len(waiting) < 50:
                n += 1
                waiting.append((n, client.send(spoken(name, "all", run, n))))
            if stopping or waiting[0][1].position is not None or len(waiting) >= 50:
                number, receipt = waiting.popleft()
                acked.note({"run": run, "n": number, "position": receipt.wait(60)})
            time.sleep(0 if stopping else PAUSE / 2)


def fire(name: str, witness: str, url: str) -> None:
    """Sends without acknowledgement; the client numbers its messages."""
    sent, run, n = Witness(witness, "sent"), uuid.uuid4().hex[:8], 0
    with Client(url, queue=1_000_000, linger=30) as client:
        while not stopping:
            n += 1
            sent.note({"run": run, "n": n})
            client.send(spoken(name, "all", run, n))
            time.sleep(PAUSE)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    role, *arguments = sys.argv[1:]
    if role == "talk":
        talk(*arguments)
    elif role == "tell":
        tell(*arguments)
    else:
        fire(*arguments)
