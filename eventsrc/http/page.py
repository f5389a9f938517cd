"""The status as a plain page: no scripts, nothing from elsewhere, every value escaped. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color-scheme:light dark}
table{border-collapse:collapse;width:100%}
th,td{border-top:1px solid #8884;padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:top;
overflow-wrap:anywhere}
th{font-weight:600;white-space:nowrap}
nav a{margin-right:1rem}
"""
_LINKS = ("/v1/status", "/v1/events", "/metrics", "/healthz", "/readyz")


def page(status: Mapping[str, object]) -> str:
    """The whole HTML document."""
    links = "".join(f'<a href="{link}">{link}</a>' for link in _LINKS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>eventsrc</title>'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<style>{_STYLE}</style></head><body><main><h1>eventsrc</h1>{_shown(status)}</main>"
        f"<nav>{links}</nav></body></html>\n"
    )


def _shown(value: object) -> str:
    """A value as HTML: mappings and lists as tables, everything else as text."""
    if isinstance(value, Mapping):
        if not value:
            return "none"
        rows = (f'<tr><th scope="row">{_text(key)}</th><td>{_shown(item)}</td></tr>' for key, item in value.items())
        return f"<table>{''.join(rows)}</table>"
    if isinstance(value, list | tuple):
        if not value:
            return "none"
        return f"<table>{''.join(f'<tr><td>{_shown(item)}</td></tr>' for item in value)}</table>"
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return _text(value)


def _text(value: object) -> str:
    return escape(str(value).encode("utf-8", "replace").decode())
