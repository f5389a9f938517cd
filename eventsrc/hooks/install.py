"""Our hooks in a text of settings: which there are, the text with them, the text without. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from eventsrc.hooks.events import SPOOL_EVENTS, Via, is_ours, target_of, via_of
from eventsrc.hooks.tree import Child, Edit, Node, apply, insertion, parse, removal, value_of

SWITCHES = ("disableAllHooks", "allowManagedHooksOnly", "allowedHttpHookUrls")
"""Settings that may keep hooks from being run."""


class Installed(msgspec.Struct, frozen=True):
    """What a text of settings says about our hooks; the shape of `hooks status --json` in part."""

    events: dict[str, Via]
    """Event → how it is told."""
    targets: tuple[str, ...]
    """Folders and URLs that are told."""
    switches: dict[str, Any]
    """Those of `SWITCHES` that are set."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Events that are worth telling and are not told."""
        return tuple(event for event in SPOOL_EVENTS if event not in self.events)


def installed(text: str) -> Installed:
    """What there is. ValueError when the text is not an object in JSON, or its hooks are not in the agent's shape."""
    root, hooks = _hooks(text)
    events: dict[str, Via] = {}
    targets: dict[str, None] = {}
    for child in hooks.value.children if hooks else ():
        for handler in _handlers(text, child):
            if is_ours(handler):
                events[child.name or ""] = via_of(handler)
                targets[target_of(handler)] = None
    switches = {name: value_of(text, one.value) for name in SWITCHES if (one := root.member(name)) is not None}
    return Installed(events, tuple(targets), switches)


def with_hooks(text: str, handlers: Mapping[str, Any]) -> str:
    """The text with these handlers, one group each at the end of its event, and no other ones of ours. The same text
    when that is what it says already. ValueError as `installed`."""
    if _ours(text) == dict(handlers):
        return text
    text = without_hooks(text) if text.strip() else "{}\n"
    root, hooks = _hooks(text)
    if hooks is None:
        text = apply(text, [insertion(text, root, "hooks", {})])
    for event, handler in handlers.items():
        _, hooks = _hooks(text)
        assert hooks is not None, "nothing was taken away"
        group = {"hooks": [handler]}
        there = hooks.value.member(event)
        if there is None:
            edit = insertion(text, hooks.value, event, [group])
        else:
            edit = insertion(text, there.value, None, group)
        text = apply(text, [edit])
    return text


def without_hooks(text: str) -> str:
    """The text without our handlers, and without the groups, events and `hooks` that are empty then."""
    while text.strip():
        edit = _next_removal(text)
        if edit is None:
            break
        text = apply(text, [edit])
    return text


def _next_removal(text: str) -> Edit | None:
    root, hooks = _hooks(text)
    for at_event, event in enumerate(hooks.value.children if hooks else ()):
        assert hooks is not None, "it has children"
        for at_group, group in enumerate(event.value.children):
            handlers = group.value.member("hooks")
            for at, one in enumerate(handlers.value.children if handlers else ()):
                assert handlers is not None, "it has children"
                if is_ours(value_of(text, one.value)):
                    way = [(root, root.children.index(hooks)), (hooks.value, at_event), (event.value, at_group)]
                    way.append((handlers.value, at))
                    return removal(*_outermost(way))
    return None


def _outermost(way: list[tuple[Node, int]]) -> tuple[Node, int]:
    """Where to cut: the outermost child on the way to the handler that holds no other handler."""
    place = way[-1]
    for container, number in reversed(way[:-1]):
        if len(place[0].children) > 1:
            break
        place = (container, number)
    return place


def _ours(text: str) -> dict[str, Any]:
    """Event → our handler; a list where there are several, which no event should have."""
    if not text.strip():
        return {}
    found: dict[str, Any] = {}
    _, hooks = _hooks(text)
    for child in hooks.value.children if hooks else ():
        ours = [handler for handler in _handlers(text, child) if is_ours(handler)]
        if ours:
            found[child.name or ""] = ours[0] if len(ours) == 1 else ours
    return found


def _handlers(text: str, event: Child) -> list[Any]:
    found: list[Any] = []
    for group in event.value.children:
        handlers = group.value.member("hooks")
        found += [value_of(text, one.value) for one in (handlers.value.children if handlers else ())]
    return found


def _hooks(text: str) -> tuple[Node, Child | None]:
    """The whole, and its member `hooks`. ValueError when they are not what the agent expects."""
    root = parse(text if text.strip() else "{}")
    if root.opened != "{":
        raise ValueError("it is not an object")
    hooks = root.member("hooks")
    if hooks is not None:
        if hooks.value.opened != "{":
            raise ValueError("its hooks are not an object")
        for event in hooks.value.children:
            if event.value.opened != "[":
                raise ValueError(f"its hooks of {event.name} are not a list")
    return root, hooks
