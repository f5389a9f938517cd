"""The door for programs: push events, read them, follow them live, look at health and metrics, run the service.

What it is for: an ASGI application over a small `Port`, and the uvicorn listeners that serve it on the Unix
socket (mode 0600: whoever may open it may administrate) and on loopback (everything but administration). It judges
what arrives and translates between HTTP and the values of the other rooms.

What it must never know: how the log is written, what an event means, who else listens. A push is answered only after
the port said that it is durable (law L2).

What survives a crash here: nothing is kept in this room. A client that did not hear an answer sends the same events
again under the same ids, which the log recognises; a live-stream client comes back with its last position.

What commands need is exported here and imports neither Starlette nor uvicorn, so that a command starts quickly; the
service takes `HttpServer` and `Door` from `eventsrc.http.server`.
"""

from eventsrc.http.client import Client, ServiceError
from eventsrc.http.port import Health, Line, Port, Reads
from eventsrc.http.unix import bind_unix, connect_unix

__all__ = ["Client", "Health", "Line", "Port", "Reads", "ServiceError", "bind_unix", "connect_unix"]
