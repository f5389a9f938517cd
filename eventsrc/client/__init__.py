"""For agents and scripts that tell what they do: a small client with a bounded queue, which never stops its program.

    from eventsrc.client import Client

    with Client("http://127.0.0.1:8787", source="urn:agent:planner") as client:
        first = client.send({"from": "planner", "to": "builder", "content": {"message": "Which layout first?"}})
        client.send({"step": 1}, type="planner.step", subject="plan/7")
        position = first.wait(5.0)      # durable, at this position of the log
        client.flush(5.0)               # all of them
        print(position, client.stats.delivered, client.stats.dropped)

`send` only puts the message into the queue; a thread of the client delivers it. Where to:

* `http://127.0.0.1:8787` and `unix:///…/eventsrc.sock` **acknowledge**: a receipt has a position once the event is
  durable. What was not answered is sent again and recognised, so it is recorded exactly once.
* `zmq+push://127.0.0.1:5557` is **fire and forget**: delivered means handed to ZeroMQ. Messages carry a number in their
  member `eventsrc`, so the recorder tells which ones never came.

A queue that is full drops and counts; `send(…, wait=1.0)` waits for room first. Leaving the `with` waits for what is
queued, but never longer than `linger`; the rest is dropped and counted. Without a `with`, call `close`. The thread does
not survive `fork`: make the client in the process that uses it.

*Must never know*: what a message means; it passes JSON on.

*What survives a crash here*: nothing. What has a position is in the log; what is still queued dies with its program,
which is why a receipt can be waited for.
"""

from eventsrc.client.client import Client
from eventsrc.client.outbound import Stats
from eventsrc.client.receipt import Receipt

__all__ = ["Client", "Receipt", "Stats"]
