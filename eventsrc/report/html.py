"""A report as one HTML file that needs nothing else: no scripts, no styles, fonts or pictures from elsewhere.

Everything that agents wrote is escaped, and the page forbids itself to run or load anything.
"""

from __future__ import annotations

from html import escape

from eventsrc.clock import format_time
from eventsrc.query import harmless
from eventsrc.report.charts import bars, columns
from eventsrc.report.sections import Cell, Section, sections, title
from eventsrc.report.values import Report

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6575; --line: #d9dee6; --bar: #3b6fb6; --page: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ef; --soft: #9aa5b5; --line: #333b47; --bar: #7ba7e0; --page: #14181f; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem auto;
  max-width: 46rem; padding: 0 1rem; }
h1 { font-size: 1.45rem; line-height: 1.3; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p.note, footer { color: var(--soft); font-size: .9rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; vertical-align: top; }
th { color: var(--soft); font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
svg { max-width: 100%; height: auto; margin: .4rem 0 .8rem; font-size: 12px; }
svg rect { fill: var(--bar); } svg text { fill: var(--ink); } svg .n { fill: var(--soft); }
svg line { stroke: var(--line); }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def to_html(report: Report) -> str:
    """The whole page."""
    made = f"Made {format_time(report.made_at)[:19]}Z by eventsrc."
    body = "".join(_section(section) for section in sections(report))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{_text(title(report))}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{_text(title(report))}</h1>{body}<footer>{made}</footer></body></html>\n"
    )


def _section(section: Section) -> str:
    chart = ""
    if section.chart and section.points:
        drawn = bars if section.chart == "bars" else columns
        caption = f'<p class="note">{_text(section.caption)}</p>' if section.caption else ""
        chart = caption + drawn([(harmless(name), n) for name, n in section.points], section.title)
    note = f'<p class="note">{_text(section.note)}</p>' if section.note else ""
    head = "".join(_th(column, section, place) for place, column in enumerate(section.columns))
    rows = "".join("<tr>" + "".join(_td(cell) for cell in row) + "</tr>" for row in section.rows)
    return f"<h2>{_text(section.title)}</h2>{note}{chart}<table><tr>{head}</tr>{rows}</table>"


def _th(column: str, section: Section, place: int) -> str:
    numeric = bool(section.rows) and _is_number(section.rows[0][place])
    return f'<th class="n">{_text(column)}</th>' if numeric else f"<th>{_text(column)}</th>"


def _td(cell: Cell) -> str:
    text = f"{cell:,}" if isinstance(cell, int | float) else _text(cell)
    return f'<td class="n">{text}</td>' if _is_number(cell) else f"<td>{text}</td>"


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) or cell.endswith("%")


def _text(text: str) -> str:
    return escape(harmless(text))
