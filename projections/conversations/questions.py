"""Named questions about messages, threads and whoever spoke. Those whose name begins with `report_` are for reports."""

from __future__ import annotations

from eventsrc.plugin import Question
from projections.conversations.figures import FIGURES

BETWEEN = "(:since IS NULL OR at >= :since) AND (:until IS NULL OR at < :until)"
_TAGS = """(SELECT json_group_array(tag) FROM (SELECT tag FROM message_tags t
  WHERE t.message_id = m.message_id AND t.sender = m.sender ORDER BY tag)) AS tags"""
_KEYWORDS = """(SELECT json_group_array(keyword) FROM (SELECT keyword FROM message_keywords k
  WHERE k.message_id = m.message_id AND k.sender = m.sender ORDER BY place)) AS keywords"""
_MESSAGE = f"""message_id, at AS message_time, sender, recipient, type, priority, topic, context_id, thread_id,
  chain_type, ace_tier, observed, {_TAGS}, text"""

_LIST = Question(
    "list",
    f"""SELECT {_MESSAGE} FROM messages m WHERE {BETWEEN} AND (:speaker IS NULL OR sender = :speaker)
    AND (:domain IS NULL OR ifnull(chain_type, 'unclassified') = :domain)
    AND (:context IS NULL OR context_id = :context) AND (:type IS NULL OR type = :type)
    AND (:tag IS NULL OR EXISTS (SELECT 1 FROM message_tags t
      WHERE t.message_id = m.message_id AND t.sender = m.sender AND t.tag = :tag))
    ORDER BY at DESC, position DESC LIMIT :limit""",
    "Messages, newest first.",
    ("since", "until", "speaker", "domain", "context", "tag", "type", "limit"),
    defaults={"limit": 50},
)
_SHOW = Question(
    "show",
    f"""SELECT message_id, at AS message_time, sender, recipient, type, priority, topic, role, context_id, thread_id,
      chain_type, chain_score, runner_up, runner_up_score, ace_tier, {_TAGS}, {_KEYWORDS}, word_count, char_count,
      content_hash, (SELECT count(*) FROM messages o WHERE o.content_hash = m.content_hash) AS same_text, observed,
      observations, key, written_id, written_time, tz_source, received_at AS received_time, position, shape,
      is_text_json, content, metadata, extras,
      (SELECT json_group_array(json_object('position', position, 'observed', observed, 'observer', observer,
        'time', time, 'received_at', received_at, 'source', source, 'shape', shape)) FROM observations o
        WHERE o.message_id = m.message_id AND o.sender = m.sender) AS observed_by,
      (SELECT json_group_object(rules, json_object('chain_type', chain_type, 'ace_tier', ace_tier,
        'tags', json(tags), 'keywords', json(keywords), 'content_hash', content_hash)) FROM compat_readings c
        WHERE c.message_id = m.message_id AND c.sender = m.sender) AS compat,
      text
    FROM messages m WHERE ((message_id >= :message_id AND message_id < :message_id || char(1114111))
      OR key = :message_id) AND (:sender IS NULL OR sender = :sender) ORDER BY message_id, sender LIMIT 100""",
    "One message in full, by its id, the beginning of it, or the key under which it is found in a search.",
    ("message_id", "sender"),
    ("message_id",),
)
_THREADS = Question(
    "threads",
    """SELECT start_time, duration_ms, message_count, final_status,
      (SELECT json_group_array(speaker) FROM (SELECT speaker FROM run_speakers p WHERE p.run_id = t.thread_id
        ORDER BY speaker)) AS participants, thread_id, context_id, end_time
    FROM threads t WHERE (:since IS NULL OR end_time >= :since) AND (:until IS NULL OR start_time < :until)
    AND (:speaker IS NULL OR EXISTS (SELECT 1 FROM run_speakers p
      WHERE p.run_id = t.thread_id AND p.speaker = :speaker))
    AND (:status IS NULL OR final_status = :status) ORDER BY start_time DESC, thread_id LIMIT :limit""",
    "Threads, newest first: by context, and by pauses of five minutes where there is none.",
    ("since", "until", "speaker", "status", "limit"),
    defaults={"limit": 50},
)
_THREAD = Question(
    "thread",
    f"SELECT {_MESSAGE} FROM messages m WHERE thread_id = :thread_id ORDER BY at, position LIMIT :limit",
    "The messages of a thread, in order.",
    ("thread_id", "limit"),
    ("thread_id",),
    defaults={"limit": 10_000},
)
_SHIFTS = Question(
    "shifts",
    """SELECT message_index, from_topic, to_topic, position FROM context_shifts WHERE thread_id = :thread_id
    ORDER BY message_index""",
    "Where the domain of a thread changed and stayed so for two messages.",
    ("thread_id",),
    ("thread_id",),
)
_SPEAKERS = Question(
    "speakers",
    f"""SELECT sender AS speaker, count(*) AS messages,
      (SELECT count(*) FROM messages r WHERE r.recipient = m.sender AND {BETWEEN.replace("at ", "r.at ")}) AS addressed,
      sum(word_count) AS words, count(DISTINCT chain_type) AS domains, count(DISTINCT context_id) AS contexts,
      min(at) AS first_time, max(at) AS last_time, max(is_placeholder) AS is_placeholder
    FROM messages m WHERE {BETWEEN} GROUP BY sender ORDER BY messages DESC, sender""",
    "Who spoke, how much and when.",
    ("since", "until"),
)
_DOMAINS = Question(
    "domains",
    f"""SELECT ifnull(chain_type, 'unclassified') AS domain, count(*) AS messages, count(DISTINCT sender) AS speakers,
      sum(ace_tier = 'A') AS architectural, sum(ace_tier = 'C') AS collaborative, sum(ace_tier = 'E') AS execution,
      min(at) AS first_time, max(at) AS last_time
    FROM messages WHERE {BETWEEN} GROUP BY 1 ORDER BY messages DESC, 1""",
    "What was spoken about, by the rules in force.",
    ("since", "until"),
)
_TAG_COUNTS = Question(
    "tags",
    f"""SELECT tag, count(*) AS messages, max(m.at) AS last_time FROM message_tags t
    JOIN messages m ON m.message_id = t.message_id AND m.sender = t.sender WHERE {BETWEEN}
    GROUP BY tag ORDER BY messages DESC, tag""",
    "Tags and how many messages have them.",
    ("since", "until"),
)
_REFUSED = Question(
    "refused",
    """SELECT received_at AS received_time, reason, shape, sender, message_id, source, position, event_id FROM refused
    WHERE (:since IS NULL OR received_at >= :since) AND (:reason IS NULL OR reason = :reason)
    ORDER BY position DESC LIMIT :limit""",
    "Records that hold no message, newest first, with the reason; `eventsrc tail` shows the record at a position.",
    ("since", "reason", "limit"),
    defaults={"limit": 50},
)
_RULES = Question(
    "rules",
    """SELECT name, version, in_force, applied_at AS applied_time, text FROM enrichment_rules
    ORDER BY in_force DESC, name""",
    "The rules by which messages were read, with their text.",
)

QUESTIONS = (
    _LIST,
    _SHOW,
    _THREADS,
    _THREAD,
    _SHIFTS,
    _SPEAKERS,
    _DOMAINS,
    _TAG_COUNTS,
    _REFUSED,
    _RULES,
    *FIGURES,
)
