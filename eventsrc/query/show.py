"""Text that a terminal shows instead of obeying.

Agents write what they read, and what they read may be written to attack: escape sequences that retitle a window or
answer for the user, bidi controls that show other code than runs, line separators that forge a line of output. Every
command passes what comes out of the log through `harmless`.
"""

from __future__ import annotations

_NAMED = {
    0x061C,  # Arabic letter mark
    0x180E,  # Mongolian vowel separator
    0x200B,  # zero width space
    0x200E,  # left-to-right mark
    0x200F,  # right-to-left mark
    0x2028,  # line separator
    0x2029,  # paragraph separator
    0x2060,  # word joiner
    0xFEFF,  # byte order mark, zero width no-break space
    *range(0x202A, 0x202F),  # bidi embeddings and overrides
    *range(0x2061, 0x2070),  # invisible operators, bidi isolates, deprecated format characters
    *range(0xFFF9, 0xFFFC),  # interlinear annotation
    *range(0xE0000, 0xE0080),  # tags: a whole invisible alphabet
}


def _pictures() -> dict[int, str]:
    table = {code: f"<U+{code:04X}>" for code in _NAMED}
    table |= {code: f"<U+{code:04X}>" for code in range(0x80, 0xA0)}  # C1: 8-bit escape sequences
    table |= {code: f"<U+{code:04X}>" for code in range(0xD800, 0xE000)}  # a lone surrogate cannot be printed at all
    table |= {code: chr(0x2400 + code) for code in range(0x20)}  # C0: ␛ ␀ ␍ …
    table[0x7F] = "\u2421"
    return table


_ONE_LINE = _pictures()
_LINES = {code: text for code, text in _ONE_LINE.items() if chr(code) not in "\n\t"}


def harmless(text: str, *, lines: bool = False) -> str:
    """`text` with everything that a terminal would obey, or hide, made visible.

    Control characters become their pictures (`␛[31m`), bidi and invisible ones their names (`<U+202E>`). With `lines`
    line feeds and tabs stay as they are; without, the result is one line. Printable text, combining characters and
    joiners within emoji are not touched. Never raises, on any `str`; the result can always be encoded as UTF-8.
    """
    return text.translate(_LINES if lines else _ONE_LINE)
