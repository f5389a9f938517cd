"""`eventsrc broker`: a forwarder between agents that publish and agents that subscribe. It records nothing."""

from __future__ import annotations

import click

from eventsrc.cli.output import emit_json_line, message


@click.command()
@click.option("--xsub", default="5555", show_default=True, help="Port, HOST:PORT or endpoint that agents publish to.")
@click.option("--xpub", default="5556", show_default=True, help="The same that they subscribe to.")
@click.option("--json", "as_json", is_flag=True, default=False, help="The two endpoints as JSON on stdout.")
def broker(xsub: str, xpub: str, as_json: bool) -> None:
    """Forward what agents publish to the agents that subscribe (ZeroMQ, XSUB to XPUB), until Ctrl-C.

    For a mesh of agents that has no broker of its own. It records nothing: `eventsrc serve` with `[zmq] enabled = true`
    listens to it like any other subscriber. On loopback unless told otherwise: whoever reaches it can say anything.
    """
    from eventsrc.actor import systemd
    from eventsrc.errors import ExtraMissing

    try:
        from eventsrc.forward import Forward
    except ImportError as error:
        raise ExtraMissing(what="The broker", package=error.name or "pyzmq", extra="zmq") from error
    with Forward(endpoint_of(xsub), endpoint_of(xpub)) as forward:
        publish, subscribe = forward.endpoints
        if as_json:
            emit_json_line({"publish": publish, "subscribe": subscribe})
        message(f"agents publish to {publish} and subscribe to {subscribe}; Ctrl-C ends it")
        systemd.notify(systemd.READY)
        forward.run()
        systemd.notify(systemd.STOPPING)


def endpoint_of(text: str) -> str:
    """A port, a host and port, or a whole endpoint, as ZeroMQ wants it."""
    if "://" in text:
        return text
    return f"tcp://{text}" if ":" in text else f"tcp://127.0.0.1:{text}"
