"""The event log, the disk under it, and what makes it safe."""

from __future__ import annotations

from boards.kit import AT, Board, Panel, Part, Query, number

NOW = Part(
    "Now",
    (
        number("Head", "Position of the last durable event.", f"max(eventsrc_log_head_position{{{AT}}})"),
        number("Size", "Of all segments.", f"sum(eventsrc_log_bytes{{{AT}}})", "bytes"),
        number("Disk full", "1 while appends are refused.", f"max(eventsrc_log_disk_full{{{AT}}})", worse=(1,)),
        number(
            "Damage", "Found by the last check of every byte.", f"max(eventsrc_verify_problems{{{AT}}})", worse=(1,)
        ),
        number(
            "Last check",
            "How long ago; the start of the era where there was none.",
            f"max(time() - eventsrc_verify_last_timestamp_seconds{{{AT}}})",
            "s",
            (15 * 86_400, 35 * 86_400),
        ),
        number(
            "Last checkpoint",
            "How long ago; only made when something happened.",
            f"max(time() - eventsrc_checkpoint_last_success_timestamp_seconds{{{AT}}})",
            "s",
        ),
    ),
)

DURABILITY = Part(
    "Durability",
    (
        Panel(
            "Write and sync",
            "How long the disk needs to make a group durable: half, and 99 %, are faster.",
            (
                Query(
                    "histogram_quantile(0.5, sum by (instance, le) "
                    f"(rate(eventsrc_log_fsync_seconds_bucket{{{AT}}}[$__rate_interval])))",
                    "half {{instance}}",
                ),
                Query(f"instance:eventsrc_fsync_seconds:p99_5m{{{AT}}}", "99 % {{instance}}"),
            ),
            "s",
        ),
        Panel(
            "Answer to a producer",
            "From the arrival of a pushed batch until it was durable: 99 % are faster.",
            (Query(f"instance:eventsrc_append_seconds:p99_5m{{{AT}}}", "{{instance}}"),),
            "s",
        ),
        Panel(
            "Group commits per second",
            "Each is one write and one sync.",
            (Query(f"sum by (instance) (rate(eventsrc_log_commits_total{{{AT}}}[$__rate_interval]))", "{{instance}}"),),
            "ops",
        ),
        Panel(
            "Events in a group commit",
            "On average: more of them when producers wait for each other.",
            (
                Query(
                    f"sum by (instance) (rate(eventsrc_log_commit_events_sum{{{AT}}}[$__rate_interval])) / "
                    f"sum by (instance) (rate(eventsrc_log_commit_events_count{{{AT}}}[$__rate_interval]))",
                    "{{instance}}",
                ),
            ),
        ),
    ),
)

DISK = Part(
    "Disk",
    (
        Panel(
            "Free space",
            "Under the data directory.",
            (Query(f"eventsrc_disk_free_bytes{{{AT}}}", "{{instance}}"),),
            "bytes",
        ),
        Panel(
            "Size of the log",
            "And of the last checkpoint.",
            (
                Query(f"eventsrc_log_bytes{{{AT}}}", "log {{instance}}"),
                Query(f"eventsrc_checkpoint_bytes{{{AT}}}", "checkpoint {{instance}}"),
            ),
            "bytes",
        ),
        Panel(
            "Segments, and tails that were cut",
            "A tail is cut when the machine ended in the middle of a write; it is kept aside.",
            (
                Query(f"eventsrc_log_segments{{{AT}}}", "segments {{instance}}"),
                Query(f"eventsrc_log_rollbacks_total{{{AT}}}", "cut {{instance}}"),
            ),
        ),
        Panel(
            "Events since the last checkpoint",
            "Heartbeats are not counted.",
            (
                Query(
                    f"clamp_min(eventsrc_log_activity_position{{{AT}}} - eventsrc_checkpoint_position{{{AT}}}, 0)",
                    "{{instance}}",
                ),
            ),
        ),
    ),
)

PROCESS = Part(
    "Process",
    (
        Panel(
            "Memory",
            "Resident.",
            (Query(f'process_resident_memory_bytes{{job="eventsrc", {AT}}}', "{{instance}}"),),
            "bytes",
        ),
        Panel(
            "Processor",
            "Cores that are used.",
            (Query(f'rate(process_cpu_seconds_total{{job="eventsrc", {AT}}}[$__rate_interval])', "{{instance}}"),),
        ),
        Panel(
            "Versions",
            "Of eventsrc, Python and SQLite.",
            (Query(f"eventsrc_build_info{{{AT}}}", "{{version}}, Python {{python}}, SQLite {{sqlite}}"),),
            kind="bars",
        ),
        Panel(
            "Heartbeats",
            "Pause between two; 0 = none are made.",
            (Query(f"eventsrc_heartbeat_period_seconds{{{AT}}}", "{{instance}}"),),
            "s",
            "bars",
        ),
    ),
)

BOARD = Board(
    "eventsrc-log",
    "eventsrc: log and disk",
    "Whether what is acknowledged is durable, how fast, and for how long there is room.",
    (NOW, DURABILITY, DISK, PROCESS),
)
