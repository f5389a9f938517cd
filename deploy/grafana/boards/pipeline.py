"""From the source to the answer: how much, how fast, how far behind, and whether every actor moves."""

from __future__ import annotations

from boards.kit import AT, Board, Panel, Part, Query, number

NOW = Part(
    "Now",
    (
        number("Services", "That answer.", f'sum(up{{job="eventsrc", {AT}}})'),
        number(
            "Lag",
            "Of the read model that is farthest behind.",
            f"max(instance_projection:eventsrc_lag_seconds:now{{{AT}}})",
            "s",
            (10, 60),
        ),
        number("Unread", "Bytes in followed files.", f"sum(eventsrc_source_behind_bytes{{{AT}}})", "bytes", (1e6, 1e8)),
        number(
            "Troubled sources",
            "Files, folders, sockets that cannot be read.",
            f"sum(eventsrc_source_troubled{{{AT}}})",
            worse=(1,),
        ),
        number(
            "Restarts",
            "Of actors, within an hour.",
            f"sum(increase(eventsrc_actor_restarts_total{{{AT}}}[1h]))",
            worse=(1, 3),
        ),
        number(
            "Dead letters",
            "Events that read models lack.",
            f"sum(eventsrc_projection_dead_letters{{{AT}}})",
            worse=(1,),
        ),
    ),
)

RATES = Part(
    "Rates",
    (
        Panel(
            "Events per second",
            "Per stage. Projectors count what they apply live, not what a rebuild applies again.",
            (Query(f"sum by (stage) (instance_stage:eventsrc_events:rate5m{{{AT}}})", "{{stage}}"),),
            "ops",
        ),
        Panel(
            "Requests per second",
            "By route and class of status.",
            (
                Query(
                    f"sum by (route, status) (rate(eventsrc_http_requests_total{{{AT}}}[$__rate_interval])) > 0",
                    "{{route}} {{status}}",
                ),
            ),
            "reqps",
        ),
        Panel(
            "Not taken as it came",
            "Records refused and kept aside, and records that were there already, within an hour.",
            (
                Query(f"sum by (reason) (increase(eventsrc_quarantined_total{{{AT}}}[1h]))", "{{reason}}"),
                Query(f"sum(increase(eventsrc_duplicates_total{{{AT}}}[1h]))", "duplicates"),
            ),
        ),
        Panel(
            "Followed files",
            "How many, and what happened to them within an hour.",
            (
                Query(f"sum(eventsrc_source_files{{{AT}}})", "files"),
                Query(f"sum by (change) (increase(eventsrc_source_changes_total{{{AT}}}[1h]))", "{{change}}"),
            ),
        ),
    ),
)

READ_MODELS = Part(
    "Read models",
    (
        Panel(
            "Lag in seconds",
            "Age of the oldest event that a read model has not applied.",
            (Query(f"max by (projection) (instance_projection:eventsrc_lag_seconds:now{{{AT}}})", "{{projection}}"),),
            "s",
        ),
        Panel(
            "From append to answer",
            "99 % are faster; a heartbeat travels the whole way also when nothing happens.",
            (
                Query(
                    f"max by (projection) (instance_projection:eventsrc_visible_seconds:p99_5m{{{AT}}})",
                    "{{projection}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Time of a transaction",
            "99 % are faster.",
            (
                Query(
                    "histogram_quantile(0.99, sum by (projection, le) "
                    f"(rate(eventsrc_projection_batch_seconds_bucket{{{AT}}}[$__rate_interval])))",
                    "{{projection}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Events behind, and rebuilds",
            "1 while a read model is being built.",
            (
                Query(f"max by (projection) (eventsrc_projection_lag_events{{{AT}}})", "{{projection}} behind"),
                Query(f"max by (projection) (eventsrc_projection_rebuilding{{{AT}}})", "{{projection}} rebuilding"),
            ),
        ),
        Panel(
            "Position and generation",
            "How far a read model has applied the log, and which file of its own answers.",
            (
                Query(f"max by (projection) (eventsrc_projection_position{{{AT}}})", "{{projection}}"),
                Query(f"max by (projection) (eventsrc_projection_generation{{{AT}}})", "{{projection}} generation"),
            ),
        ),
    ),
)

ACTORS = Part(
    "Actors and queues",
    (
        Panel(
            "Room that is taken in mailboxes",
            "At 100 % sources wait, and what is pushed is answered with 503.",
            (Query(f"max by (mailbox) (instance_mailbox:eventsrc_mailbox_fill:ratio{{{AT}}})", "{{mailbox}}"),),
            "percentunit",
        ),
        Panel(
            "Bytes that wait in mailboxes",
            "A mailbox is bounded in bytes too, so that many large batches cannot fill the memory.",
            (Query(f"sum by (mailbox) (eventsrc_mailbox_waiting_bytes{{{AT}}})", "{{mailbox}}"),),
            "bytes",
        ),
        Panel(
            "Since an actor last moved",
            "Idle counts as moving; those without a mailbox are not measured.",
            (
                Query(
                    f"max by (actor) (time() - (eventsrc_actor_last_progress_timestamp_seconds{{{AT}}} > 0))",
                    "{{actor}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Restarts",
            "Within an hour.",
            (Query(f"sum by (actor) (increase(eventsrc_actor_restarts_total{{{AT}}}[1h]))", "{{actor}}"),),
        ),
        Panel(
            "Open connections and senders",
            "Live streams over HTTP; brokers and agents over ZeroMQ; who may put something into a mailbox.",
            (
                Query(f"sum(eventsrc_http_live_clients{{{AT}}})", "live streams"),
                Query(f"sum by (socket) (eventsrc_zmq_connections{{{AT}}})", "{{socket}}"),
                Query(f"sum by (mailbox) (eventsrc_mailbox_senders{{{AT}}})", "senders to {{mailbox}}"),
            ),
        ),
        Panel(
            "Since a stage last finished something",
            "Only stages that did since the start.",
            (Query(f"max by (stage) (time() - (eventsrc_stage_last_timestamp_seconds{{{AT}}} > 0))", "{{stage}}"),),
            "s",
        ),
    ),
)

BOARD = Board(
    "eventsrc-pipeline",
    "eventsrc: pipeline",
    "From the source to the answer: rates, lag in seconds, queues, actors.",
    (NOW, RATES, READ_MODELS, ACTORS),
)
