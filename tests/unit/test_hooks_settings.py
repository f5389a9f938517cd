"""Settings with our hooks and without: every byte that is not ours stays, whatever the file looks like."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventsrc.durable import SystemDisk
from eventsrc.errors import HookSettings, TryAgain
from eventsrc.hooks import HTTP_EVENTS, SettingsFile, handlers, installed, settings_place, with_hooks, without_hooks
from eventsrc.hooks.tree import parse, value_of

SPOOL = handlers("spool", "/home/dev/data/spool/claude-code", "http://127.0.0.1:8787/hooks/claude-code")
HTTP = handlers("http", "/home/dev/data/spool/claude-code", "http://127.0.0.1:8787/hooks/claude-code")
FEW = {event: SPOOL[event] for event in ("SessionStart", "Stop", "PreToolUse")}
FOREIGN = {"type": "command", "command": "notify-send", "args": ["done"]}

TEXTS = [
    "{\n}\n",
    '{"model":"opus"}',
    '{"model": "opus", "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "beep"}]}]}}\n',
    '{\n  "model": "opus",\n  "permissions": {\n    "allow": ["Bash(ls:*)"]\n  }\n}\n',
    '{\r\n\t"b": 1,\r\n\t"a": [ 1,2 ]\r\n}',
    '{\n    "hooks": {\n        "PreToolUse": [\n            {"matcher": "Bash", '
    '"hooks": [{"type": "command", "command": "x"}]}\n        ],\n        "Stop": [ ]\n    },\n    "é": "\\u00e9"\n}\n',
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("wanted", [SPOOL, HTTP], ids=["spool", "http"])
def test_what_was_installed_can_be_taken_out_and_nothing_else_was_touched(text: str, wanted: dict[str, Any]) -> None:
    there = with_hooks(text, wanted)
    before, after = json.loads(text), json.loads(there)
    assert {name: value for name, value in after.items() if name != "hooks"} == {
        name: value for name, value in before.items() if name != "hooks"
    }
    for event, groups in before.get("hooks", {}).items():
        assert after["hooks"][event][: len(groups)] == groups
    left = json.loads(without_hooks(there))
    assert left.get("hooks", {}) == {name: groups for name, groups in before.get("hooks", {}).items() if groups}
    assert set(installed(there).events) == set(wanted)


@pytest.mark.parametrize("text", TEXTS[1:5])
def test_a_file_is_byte_for_byte_what_it_was_after_the_hooks_are_gone(text: str) -> None:
    assert without_hooks(with_hooks(text, SPOOL)) == text


def test_a_file_that_was_not_there_is_written_as_people_write_it() -> None:
    text = with_hooks("", SPOOL)
    assert text.startswith('{\n  "hooks": {\n    "SessionStart": [{"hooks": [{"type": "command", ')
    assert text.endswith("\n}\n")
    assert without_hooks(text) == "{}\n"


def test_what_is_new_looks_like_what_is_old() -> None:
    there = with_hooks(TEXTS[4], SPOOL)
    assert there.startswith('{\r\n\t"b": 1,\r\n\t"a": [ 1,2 ],\r\n\t"hooks": {\r\n\t\t"SessionStart": [{')
    assert "\n" not in with_hooks(TEXTS[1], SPOOL)


def test_installing_twice_changes_nothing_and_another_place_replaces_the_first() -> None:
    once = with_hooks(TEXTS[3], SPOOL)
    assert with_hooks(once, SPOOL) == once
    moved = with_hooks(once, handlers("spool", "/elsewhere", ""))
    assert installed(moved).targets == ("/elsewhere",)
    assert installed(with_hooks(moved, HTTP)).events["Stop"] == "http"
    assert without_hooks(moved) == TEXTS[3]


def test_a_handler_that_was_moved_into_somebody_elses_group_is_found() -> None:
    mixed = {"hooks": {"Stop": [{"matcher": "", "hooks": [FOREIGN, SPOOL["Stop"], FOREIGN]}]}}
    left = json.loads(without_hooks(json.dumps(mixed, indent=2)))
    assert left == {"hooks": {"Stop": [{"matcher": "", "hooks": [FOREIGN, FOREIGN]}]}}


def test_hooks_that_only_look_like_ours_stay() -> None:
    others = [
        {"type": "http", "url": "http://127.0.0.1:8787/hooks/claude-code"},
        {"type": "command", "command": "/bin/sh", "args": ["-c", "true"]},
        {"type": "command", "command": "eventsrc-hook"},
    ]
    text = json.dumps({"hooks": {"Stop": [{"hooks": others}, "odd", {"hooks": 7}]}})
    assert without_hooks(text) == text
    assert installed(text).events == {}


def test_events_that_must_never_be_hooked_are_not() -> None:
    assert len(HTTP_EVENTS) == 25
    for wanted in (SPOOL, HTTP):
        assert not set(wanted) & {"WorktreeCreate", "WorktreeRemove", "MessageDisplay", "FileChanged"}
    assert {HTTP[event]["type"] for event in ("SessionStart", "Setup")} == {"command"}
    assert all(handler["timeout"] <= 5 for handler in (*SPOOL.values(), *HTTP.values()))
    assert not SPOOL["SessionEnd"].get("async")  # the agent ends, and with it what still runs


def test_switches_that_may_keep_hooks_from_running_are_told() -> None:
    assert installed('{"disableAllHooks": true, "x": 1}').switches == {"disableAllHooks": True}


@pytest.mark.parametrize(
    "text", ["[]", "{", "// a comment\n{}", '{"hooks": []}', '{"hooks": {"Stop": {}}}', "[" * 100_000, '"x"']
)
def test_what_the_agent_could_not_read_either_is_refused(text: str) -> None:
    for act in (installed, without_hooks, lambda text: with_hooks(text, SPOOL)):
        with pytest.raises(ValueError):
            act(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
LAYOUTS = st.sampled_from([None, 0, 1, 2, 4, "\t"])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=4), indent=LAYOUTS, ascii_=st.booleans())
def test_any_settings_come_back_byte_for_byte(value: dict[str, Any], indent: Any, ascii_: bool) -> None:
    value.pop("hooks", None)
    value["theme"] = "dark"
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_)
    tree = parse(text)
    assert {one.name: value_of(text, one.value) for one in tree.children} == value
    there = with_hooks(text, FEW)
    assert json.loads(there) == value | {"hooks": {name: [{"hooks": [one]}] for name, one in FEW.items()}}
    assert without_hooks(there) == text


# --- the file -----------------------------------------------------------------------------------------------------


def test_the_file_keeps_its_mode_and_its_link_and_what_was_before_lies_beside_it(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    real.chmod(0o640)
    link = tmp_path / "settings.json"
    link.symlink_to(real)
    file = SettingsFile(link, SystemDisk())
    file.replace("{}", '{"a":1}')
    file.replace('{"a":1}', '{"a":2}')
    assert (real.read_text(), file.kept.read_text()) == ('{"a":2}', "{}")
    assert link.is_symlink() and stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "dotfiles.json",
        "settings.json",
        "settings.json.before-eventsrc",
    ]


def test_a_file_that_somebody_else_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.json"
    file = SettingsFile(path, SystemDisk())
    assert file.read() == ""
    file.replace("", "{}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text('{"theirs": 1}')
    with pytest.raises(TryAgain):
        file.replace("{}\n", '{"ours": 1}')
    assert path.read_text() == '{"theirs": 1}'


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_bytes(b"\xff\xfe")
    with pytest.raises(HookSettings):
        SettingsFile(tmp_path / "settings.json", SystemDisk()).read()
    with pytest.raises(HookSettings):
        SettingsFile(tmp_path, SystemDisk()).read()


def test_the_place_follows_the_agents_own_environment() -> None:
    assert settings_place({"HOME": "/home/dev"}) == Path("/home/dev/.claude/settings.json")
    assert settings_place({"HOME": "/home/dev", "CLAUDE_CONFIG_DIR": "/etc/c"}) == Path("/etc/c/settings.json")
