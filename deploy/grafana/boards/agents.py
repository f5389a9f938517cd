"""What agents are doing, where they hang, and what they cost."""

from __future__ import annotations

from boards.kit import AT, Board, Panel, Part, Query, number


def _sessions(state: str) -> str:
    return f'sum(eventsrc_agents_sessions{{{AT}, state="{state}"}})'


NOW = Part(
    "Now",
    (
        number("Active", "In a round.", _sessions("active")),
        number("Waiting for a person", "For a permission, an answer, a plan.", _sessions("waiting"), worse=(1,)),
        number("Stalled", "Alive, in a round, and silent for too long.", _sessions("stalled"), worse=(1,)),
        number(
            "Orphaned", "Their process went away in the middle of a round, today.", _sessions("orphaned"), worse=(1,)
        ),
        number("Pending tools", "Calls without a result.", f"sum(eventsrc_agents_pending_tools{{{AT}}})"),
        number(
            "Longest wait",
            "Of a session that waits for a person.",
            f"max(instance:eventsrc_waiting_for_person_seconds:now{{{AT}}})",
            "s",
            (300, 900),
        ),
    ),
)

COURSE = Part(
    "Sessions",
    (
        Panel(
            "Sessions by state",
            "Verdicts of the moment, counted by the read model `agents`.",
            (Query(f"sum by (state) (eventsrc_agents_sessions{{{AT}}})", "{{state}}"),),
        ),
        Panel(
            "Looks at processes",
            "Per second, by verdict.",
            (
                Query(
                    f"sum by (verdict) (rate(eventsrc_process_probes_total{{{AT}}}[$__rate_interval]))", "{{verdict}}"
                ),
            ),
            "ops",
        ),
    ),
)

TOOLS = Part(
    "Tools",
    (
        Panel(
            "Calls",
            "Per tool, since the log began. The twenty commonest, and the others together.",
            (Query(f"topk(20, sum by (tool) (eventsrc_agents_tool_calls{{{AT}}}))", "{{tool}}"),),
            kind="bars",
        ),
        Panel(
            "Errors",
            "Which part of the calls of a tool failed.",
            (Query(f"topk(20, max by (tool) (instance_tool:eventsrc_tool_errors:ratio{{{AT}}}))", "{{tool}}"),),
            "percentunit",
            "bars",
            (0.1, 0.5),
        ),
    ),
)

TOKENS = Part(
    "Tokens",
    (
        Panel(
            "Tokens of the last hour",
            "By kind. Input from caches is counted apart.",
            (Query(f"sum by (kind) (instance_kind:eventsrc_tokens:delta1h{{{AT}}})", "{{kind}}"),),
        ),
        Panel(
            "Tokens since the log began",
            "By kind.",
            (Query(f"sum by (kind) (eventsrc_agents_tokens{{{AT}}})", "{{kind}}"),),
        ),
        Panel(
            "Hooks that were not recorded",
            "Within an hour, by reason. Transcripts still tell what was done, later.",
            (Query(f"sum by (reason) (increase(eventsrc_hooks_dropped_total{{{AT}}}[1h]))", "{{reason}}"),),
        ),
        Panel(
            "Messages between agents",
            "Per second over ZeroMQ, by socket, and those that are known to be lost.",
            (
                Query(f"sum by (socket) (rate(eventsrc_zmq_messages_total{{{AT}}}[$__rate_interval]))", "{{socket}}"),
                Query(
                    f"sum by (socket) (rate(eventsrc_zmq_missed_total{{{AT}}}[$__rate_interval]))", "{{socket}} lost"
                ),
            ),
            "ops",
        ),
    ),
)

BOARD = Board(
    "eventsrc-agents",
    "eventsrc: agents",
    "Which agents work, hang or wait for a person, what their tools do, what they cost.",
    (NOW, COURSE, TOOLS, TOKENS),
)
