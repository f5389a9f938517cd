"""`eventsrc search "words"`: everything that was said, the best matches first."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from eventsrc.cli.moments import moment_of
from eventsrc.cli.options import common, directory
from eventsrc.cli.output import emit_json, message, moment, safe
from eventsrc.errors import NotFound
from eventsrc.query.words import Words, words_of

MODEL = "search"
KINDS = ("prompt", "answer", "thinking", "tool_input", "tool_result", "message", "experiment", "title")
OPENS, CLOSES = "\x02", "\x03"
"""Around each match in a snippet; nothing that anybody writes."""
BLANKS = dict.fromkeys(map(ord, "\r\n\t"), " ")
MOST = 1_000


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--kind", type=click.Choice(KINDS), default=None, help="Only what was said in this way.")
@click.option("--session", default=None, help="Only this session, context or conversation; its beginning is enough.")
@click.option("--since", default=None, help="Only since then: 2h, 2026-01-31, …")
@click.option("--code", is_flag=True, default=False, help="Parts of words in code, e.g. a piece of a name.")
@click.option("-n", "--limit", type=click.IntRange(1, MOST), default=10, show_default=True, help="Matches to show.")
@click.option("--page", type=click.IntRange(1), default=1, show_default=True, help="Which page of them.")
@common
def search(
    words: tuple[str, ...], kind: str | None, session: str | None, since: str | None, code: bool, limit: int,
    page: int, data: str | None, config_file: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Search prompts, answers, thinking, tools' inputs and results, messages and experiments.

    WORDS must all be there; '"two words"' as they stand, begin* the beginning of a word, NOT word, a OR b. The best
    come first; of a thousand matches or more, the newest.
    """
    asked = words_of(" ".join(words))
    values = {"kind": kind, "session": session, "since": moment_of(since, time.time())}
    rows = found(directory(data, config_file), asked, code, {**values, "limit": limit, "offset": (page - 1) * limit})
    if as_json:
        emit_json([plain(row) for row in rows])
    elif not rows:
        message("nothing was found" + ("" if code else "; --code looks for parts of words in code"))
    else:
        for row in rows:
            show(row)


def found(place: Path, asked: Words, code: bool, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Asks the index that can know, and the others where it cannot."""
    from eventsrc.service.asking import read_models

    models = read_models(place)
    if MODEL not in models.names():
        raise NotFound(what="read model", name=MODEL, next="It is not installed; 'eventsrc config' tells.")

    def ask(question: str, words: str) -> list[dict[str, Any]]:
        return models.ask(MODEL, question, {**values, "words": words}).objects() if words else []

    if not code and asked.words and not asked.scripted:
        return ask("words", asked.words)
    if asked.parts:
        return ask("code", asked.parts)
    return ask("scan", asked.plain)


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """`--json`: kind, sid, time, snippet, title, ref, position, score, and where the matches are in the snippet."""
    text, matches = row["snippet"], []
    while (begins := text.find(OPENS)) >= 0:
        text = text[:begins] + text[begins + 1 :]
        ends = text.find(CLOSES, begins)
        ends = len(text) if ends < 0 else ends
        text = text[:ends] + text[ends + 1 :]
        matches.append([begins, ends])
    return {**row, "snippet": text, "matches": matches}


def show(row: dict[str, Any]) -> None:
    """One match, three lines."""
    one = plain(row)
    title = f" {safe(one['title'])}" if one["title"] else ""
    head = f"{click.style(one['kind'], bold=True)}{title}  {moment(one['time'])}  {safe(one['sid'])}"
    click.echo(head)
    text, at, shown = one["snippet"].translate(BLANKS), 0, ""
    for begins, ends in one["matches"]:
        shown += safe(text[at:begins]) + click.style(safe(text[begins:ends]), fg="yellow", bold=True)
        at = ends
    click.echo(f"  {shown}{safe(text[at:])}")
    click.echo(click.style(f"  {safe(one['ref'])}  position {one['position']}", dim=True))
