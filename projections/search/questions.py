"""Named questions. `:words` is an expression of the full-text index, made safe by whoever asks.

A first page is wanted at once, so what it costs has a bound whatever is asked: what `COMMON` documents or more hold is
not ranked, the newest come first. To rank, every match of every word has to be counted, and words that so many
documents hold say little about any of them.
"""

from __future__ import annotations

from eventsrc.plugin import Question

COMMON = 1_000

_MATCH = """{index} MATCH '{{title body}} : (' || :words || ')'
      || CASE WHEN :session IS NULL THEN '' ELSE ' AND facets : s' || lower(hex(:session)) || '*' END"""

_FOUND = f"""WITH common AS (SELECT count(*) >= {COMMON} AS is_common
    FROM (SELECT 1 FROM {{index}} WHERE {_MATCH} LIMIT {COMMON})),
  found AS (
    SELECT {{index}}.rowid AS number,
      CASE WHEN (SELECT is_common FROM common) THEN 0.0 ELSE bm25({{index}}, 4.0, 1.0, 0.0) END AS score
    FROM {{index}} WHERE {_MATCH}
      AND (:kind IS NULL AND :since IS NULL OR EXISTS (SELECT 1 FROM documents d WHERE d.rowid = {{index}}.rowid
        AND (:kind IS NULL OR d.kind = :kind) AND (:since IS NULL OR d.time >= :since)))
    ORDER BY {{index}}.rowid DESC
    LIMIT CASE WHEN (SELECT is_common FROM common) THEN CAST(:limit AS INTEGER) + CAST(:offset AS INTEGER)
      ELSE {COMMON} END),
  best AS (SELECT number, score FROM found ORDER BY score, number DESC
    LIMIT CAST(:limit AS INTEGER) OFFSET CAST(:offset AS INTEGER))"""

_PAGE = """SELECT d.kind, d.sid, d.time,
    snippet({index}, -1, char(2), char(3), '…', {tokens}) AS snippet, d.title, d.ref, d.position,
    round(-b.score, 4) AS score
  FROM {index} CROSS JOIN best b ON b.number = {index}.rowid CROSS JOIN documents d ON d.rowid = b.number
  WHERE {index} MATCH :words AND {index}.rowid >= (SELECT min(number) FROM best)
    AND {index}.rowid <= (SELECT max(number) FROM best)
  ORDER BY b.score, d.rowid DESC"""
"""In this order the index is asked once, and not once per row of the page: the beginning of a word may be costly."""

_PARAMETERS = ("words", "kind", "session", "since", "limit", "offset")
_DEFAULTS: dict[str, str | int | float] = {"limit": 20, "offset": 0}

QUESTIONS = (
    Question(
        "words",
        _FOUND.format(index="words") + _PAGE.format(index="words", tokens=24),
        "Documents that hold these words, the best first.",
        _PARAMETERS,
        ("words",),
        defaults=_DEFAULTS,
    ),
    Question(
        "code",
        _FOUND.format(index="code") + _PAGE.format(index="code", tokens=64),
        "Documents with code, or in scripts without blanks, that hold these parts of words.",
        _PARAMETERS,
        ("words",),
        defaults=_DEFAULTS,
    ),
    Question(
        "scan",
        """SELECT kind, sid, time, substr(body, max(1, instr(body, :words) - 40), 120) AS snippet, title, ref, position,
          0.0 AS score FROM documents
        WHERE has_code = 1 AND instr(body, :words) > 0 AND (:kind IS NULL OR kind = :kind)
          AND (:session IS NULL OR sid >= :session AND sid < :session || char(1114111))
          AND (:since IS NULL OR time >= :since)
        ORDER BY rowid DESC LIMIT CAST(:limit AS INTEGER) OFFSET CAST(:offset AS INTEGER)""",
        "The newest documents with one or two characters that are no word by themselves; reads all of them.",
        _PARAMETERS,
        ("words",),
        defaults=_DEFAULTS,
    ),
    Question(
        "counts",
        "SELECT kind, count(*) AS documents, max(time) AS last_time FROM documents GROUP BY kind ORDER BY kind",
        "How many documents there are of each kind.",
    ),
    Question(
        "recent",
        """SELECT kind, sid, time, title, substr(body, 1, 1000) AS text, ref, position FROM documents
        WHERE (:kind IS NULL AND kind IN ('prompt', 'answer', 'message', 'experiment') OR kind = :kind)
        ORDER BY rowid DESC LIMIT CAST(:limit AS INTEGER) OFFSET CAST(:offset AS INTEGER)""",
        "What was said last, newest first: prompts, answers, messages, experiments; or of one kind.",
        ("kind", "limit", "offset"),
        defaults={"limit": 20, "offset": 0},
    ),
)
