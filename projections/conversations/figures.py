"""Named questions that count, for reports and exports.

The historical score counts records as their recorder wrote them, the empty ones among them; what came over the wire is
counted as the daemon would have written it. `default` leaves out whatever only looks like collaboration: placeholder
speakers, messages that no rule could classify, records without a text.
"""

from __future__ import annotations

from eventsrc.plugin import Question

_AT = "(:since IS NULL OR at >= :since) AND (:until IS NULL OR at < :until)"
_RECEIVED = "(:since IS NULL OR received_at >= :since) AND (:until IS NULL OR received_at < :until)"
_RECORDS = f"""records AS (
  SELECT m.sender AS speaker, extras, CASE WHEN shape = 'recorded' THEN metadata ELSE
      json_object('chain_type', c.chain_type, 'shl_tags', json(c.tags)) END AS metadata
    FROM messages m JOIN compat_readings c
      ON c.message_id = m.message_id AND c.sender = m.sender AND c.rules = 'compat_daemon' WHERE {_AT}
  UNION ALL
  SELECT ifnull(sender, 'unknown'), extras, metadata FROM refused
    WHERE reason = 'empty' AND shape = 'recorded' AND {_AT.replace("at ", "ifnull(time, received_at) ")})"""
_IS_TAGGED = "ifnull(json_array_length({0}, '$.shl_tags'), 0) > 0"

_TOTALS = Question(
    "report_totals",
    f"""SELECT count(*) AS recorded, (SELECT count(*) FROM messages WHERE {_RECEIVED}) AS arrived,
      sum(observations) AS observations,
      count(*) - count(DISTINCT content_hash) AS repeats, sum(is_placeholder) AS placeholders,
      min(at) AS first_time, max(at) AS last_time, sum(tz_source = 'unknown') AS zone_unknown,
      (SELECT count(*) FROM refused WHERE reason = 'empty' AND {_RECEIVED}) AS empty,
      (SELECT count(*) FROM refused WHERE reason <> 'empty' AND {_RECEIVED}) AS rejected,
      (SELECT coalesce(sum(message_count), 0) FROM threads
        WHERE (:since IS NULL OR end_time >= :since) AND (:until IS NULL OR end_time < :until)) AS in_threads,
      (SELECT version FROM enrichment_rules WHERE in_force = 1) AS rules
    FROM messages WHERE {_AT}""",
    "How many messages there are, what was refused, and over which time.",
    ("since", "until"),
)
_ANSWERS = Question(
    "report_answers",
    f"""WITH asked AS (SELECT sender, recipient, at, position,
        lead(at) OVER (PARTITION BY sender, recipient ORDER BY at, position) AS next
        FROM messages WHERE type = 'request' AND recipient IS NOT NULL AND {_AT}),
      waits AS (SELECT (SELECT min(m.at) FROM messages m WHERE m.type = 'response' AND m.sender = q.recipient
          AND m.recipient = q.sender AND m.at >= q.at AND m.at < ifnull(q.next, 1e18)) - at AS wait FROM asked q),
      ranked AS (SELECT wait, row_number() OVER (ORDER BY wait) AS place, count(*) OVER () AS n FROM waits
        WHERE wait IS NOT NULL)
    SELECT (SELECT count(*) FROM waits) AS requests, (SELECT count(*) FROM waits WHERE wait IS NOT NULL) AS answered,
      (SELECT avg(wait) FROM ranked WHERE place IN ((n + 1) / 2, (n + 2) / 2)) AS median_answer_seconds""",
    "Requests, how many were answered before the next one, and the median time that took.",
    ("since", "until"),
)


def _counted(name: str, what: str, about: str, *, table: str = "messages") -> Question:
    """How many messages per value of something, the most frequent first."""
    sql = f"""SELECT {what} AS name, count(*) AS messages FROM {table} WHERE {_AT}
      GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :limit"""
    return Question(name, sql, about, ("since", "until", "limit"), defaults={"limit": 1000})


def _of(table: str) -> str:
    return f"{table} t JOIN messages m ON m.message_id = t.message_id AND m.sender = t.sender"


_SCORE = Question(
    "report_score",
    f"""WITH {_RECORDS}
    SELECT 'compat_v1' AS variant, count(DISTINCT speaker) AS speakers,
      count(DISTINCT ifnull(json_extract(extras, '$.chain_type'), 'unknown')) AS domains, count(*) AS messages,
      sum(ifnull(metadata, '') NOT IN ('', '{{}}')) AS enriched,
      sum({_IS_TAGGED.format("extras")}) AS tagged FROM records
    UNION ALL
    SELECT 'compat_v2', count(DISTINCT speaker), count(DISTINCT coalesce(json_extract(extras, '$.chain_type'),
        json_extract(metadata, '$.chain_type'), 'unknown')), count(*),
      sum(ifnull(metadata, '') NOT IN ('', '{{}}')),
      sum({_IS_TAGGED.format("extras")} OR {_IS_TAGGED.format("metadata")}) FROM records
    UNION ALL
    SELECT 'default', count(DISTINCT sender), count(DISTINCT chain_type), count(*), sum(chain_type IS NOT NULL),
      sum(EXISTS (SELECT 1 FROM message_tags t WHERE t.message_id = m.message_id AND t.sender = m.sender
        AND t.tag NOT LIKE '@Chain-%')) FROM messages m WHERE is_placeholder = 0 AND {_AT}""",
    "The counts from which the collaboration score is made, in its three variants.",
    ("since", "until"),
)
_RECORD = Question(
    "report_records",
    f"""SELECT position, ifnull(written_id, m.message_id) AS message_id, m.sender, role,
      ifnull(written_time, '') AS written, at, context_id, topic, metadata, extras, shape,
      ifnull(content, json_object('message', text)) AS content,
      word_count, char_count, c.chain_type, c.ace_tier, c.tags, c.keywords, c.content_hash
    FROM (SELECT * FROM messages WHERE (at, position) > (:after_at, :after_position) AND {_AT}
      AND (:speaker IS NULL OR sender = :speaker) ORDER BY at, position LIMIT :limit) m
    JOIN compat_readings c ON c.message_id = m.message_id AND c.sender = m.sender AND c.rules = :rules
    ORDER BY at, position""",
    "Messages as records of the historical form are made from them, a page at a time.",
    ("since", "until", "speaker", "rules", "after_at", "after_position", "limit"),
    defaults={"after_at": -1e18, "after_position": 0, "limit": 1000, "rules": "compat_daemon"},
)

FIGURES = (
    _TOTALS,
    _ANSWERS,
    _counted("report_speakers", "sender", "Messages per speaker."),
    _counted("report_types", "ifnull(type, 'unknown')", "Messages per type."),
    _counted("report_domains", "ifnull(chain_type, 'unclassified')", "Messages per domain."),
    _counted("report_tiers", "ace_tier", "Messages per tier."),
    _counted("report_tags", "tag", "Messages per tag.", table=_of("message_tags")),
    _counted("report_keywords", "keyword", "Messages per keyword.", table=_of("message_keywords")),
    _counted(
        "report_statuses", "final_status", "Threads per final status.", table="(SELECT *, end_time AS at FROM threads)"
    ),
    Question(
        "report_timeline",
        f"""SELECT date(at, 'unixepoch') AS name, count(*) AS messages FROM messages WHERE {_AT}
        GROUP BY 1 ORDER BY 1""",
        "Messages per day (UTC).",
        ("since", "until"),
    ),
    _SCORE,
    _RECORD,
)
