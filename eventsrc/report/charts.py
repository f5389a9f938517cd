"""Charts as inline SVG: bars for names, columns for days. No scripts, no fonts or pictures from elsewhere."""

from __future__ import annotations

import math
from html import escape

from eventsrc.report.values import Counts

WIDTH, LABEL, VALUE = 640, 190, 70  # pixels: the drawing, the names on its left, the numbers on its right
ROW, BAR = 24, 16  # pixels per bar, and of the bar in it
HEIGHT, FOOT, TOP = 170, 22, 18  # pixels: columns, the days below them, the scale above
LABEL_CHARS = 26  # what fits into LABEL
COLUMNS = 120  # columns of a timeline; more days are drawn together


def bars(points: Counts, label: str) -> str:
    """One bar per name, longest possible for the largest number. `label` is what a screen reader says."""
    most = max((n for _, n in points), default=0) or 1
    room = WIDTH - LABEL - VALUE
    drawn = []
    for place, (name, n) in enumerate(points):
        y = place * ROW
        length = n / most * room
        drawn.append(
            f'<text x="{LABEL - 8}" y="{y + 16}" text-anchor="end">{_short(name)}</text>'
            f'<rect x="{LABEL}" y="{y + 4}" width="{length:.1f}" height="{BAR}" rx="2"><title>{escape(name)}: {n:,}'
            f'</title></rect><text x="{LABEL + length + 6:.1f}" y="{y + 16}" class="n">{n:,}</text>'
        )
    return _svg(len(points) * ROW, label, drawn)


def columns(points: Counts, label: str) -> str:
    """One column per day, or per run of days where there are too many to see."""
    grouped = _grouped(points)
    most = max((n for _, n in grouped), default=0) or 1
    step = WIDTH / max(len(grouped), 1)
    width = max(1.0, min(step - 2, 48))
    floor = HEIGHT - FOOT
    drawn = [f'<text x="0" y="12" class="n">{most:,}</text><line x1="0" x2="{WIDTH}" y1="{floor}" y2="{floor}"/>']
    for place, (name, n) in enumerate(grouped):
        height = n / most * (floor - TOP)
        drawn.append(
            f'<rect x="{place * step:.1f}" y="{floor - height:.1f}" width="{width:.1f}" height="{height:.1f}">'
            f"<title>{escape(name)}: {n:,}</title></rect>"
        )
    for place in sorted({0, len(grouped) - 1}) if grouped else []:
        anchor, x = ("start", 0.0) if place == 0 else ("end", place * step + width)
        drawn.append(f'<text x="{x}" y="{HEIGHT - 6}" text-anchor="{anchor}">{escape(grouped[place][0])}</text>')
    return _svg(HEIGHT, label, drawn)


def _grouped(points: Counts) -> Counts:
    size = math.ceil(len(points) / COLUMNS) or 1
    runs = [points[start : start + size] for start in range(0, len(points), size)]
    return [(run[0][0] if len(run) == 1 else f"{run[0][0]} to {run[-1][0]}", sum(n for _, n in run)) for run in runs]


def _svg(height: int, label: str, drawn: list[str]) -> str:
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" xmlns="http://www.w3.org/2000/svg">{"".join(drawn)}</svg>'
    )


def _short(name: str) -> str:
    return escape(name if len(name) <= LABEL_CHARS else name[: LABEL_CHARS - 1] + "…")
