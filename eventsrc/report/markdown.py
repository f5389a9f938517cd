"""A report as Markdown. Whatever agents wrote stays text: nothing in a cell is taken for markup."""

from __future__ import annotations

import re
from html import escape

from eventsrc.clock import format_time
from eventsrc.report.sections import Cell, Section, sections, title
from eventsrc.report.values import Report

_MARKUP = re.compile(r"[\\`*\[\]|~]|(?<!\w)_|_(?!\w)")


def to_markdown(report: Report) -> str:
    """The whole report; ends with a line feed."""
    parts = [f"# {title(report)}", f"Made {format_time(report.made_at)[:19]}Z by eventsrc."]
    parts += [_section(section) for section in sections(report)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> str:
    head = "| " + " | ".join(_cell(column) or " " for column in section.columns) + " |"
    line = "|" + "|".join(" --- " for _ in section.columns) + "|"
    rows = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in section.rows]
    note = [section.note, ""] if section.note else []
    return "\n".join([f"## {section.title}", "", *note, head, line, *rows])


def _cell(cell: Cell) -> str:
    text = " ".join(str(cell).split())
    if isinstance(cell, int | float):
        return text
    return escape(_MARKUP.sub(r"\\\g<0>", text), quote=False)
