"""Settings come from five places and the strongest wins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eventsrc import config
from eventsrc.errors import ConfigError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_flags_beat_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "x.toml", "[http]\nlisten = '127.0.0.1:1'\n[checkpoint]\nkeep = 3\n")
    env = {"EVENTSRC_HTTP_LISTEN": "127.0.0.1:2"}
    assert config.load({}, {}, str(file)).settings.http.listen == "127.0.0.1:1"
    assert config.load({}, env, str(file)).settings.http.listen == "127.0.0.1:2"
    loaded = config.load({"http.listen": "127.0.0.1:3"}, env, str(file))
    assert loaded.settings.http.listen == "127.0.0.1:3"
    assert loaded.settings.checkpoint.keep == 3
    assert loaded.origin == {"http.listen": "flag", "checkpoint.keep": str(file)}


def test_the_projects_file_beats_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    write(home / "eventsrc/eventsrc.toml", "[http]\nlisten = '127.0.0.1:1'\n")
    write(project / "eventsrc.toml", "[http]\nlisten = '127.0.0.1:2'\n")
    monkeypatch.chdir(project)
    assert config.load({}, {"XDG_CONFIG_HOME": str(home)}).settings.http.listen == "127.0.0.1:2"
    monkeypatch.chdir(home)
    assert config.load({}, {"XDG_CONFIG_HOME": str(home)}).settings.http.listen == "127.0.0.1:1"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[http]\nlitsen = 'x'\n", "litsen"),
        ("[hppt]\n", "hppt"),
        ("[checkpoint]\nkeep = 'many'\n", "keep"),
        ("[checkpoint]\nkeep = 0\n", "checkpoint.keep"),
        ("[http]\nlisten = 'nowhere'\n", "http.listen"),
        ("[http\n", "line 1"),
    ],
)
def test_a_wrong_file_is_refused_and_says_what_is_wrong(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load({}, {}, str(write(tmp_path / "x.toml", text)))
    assert what in str(caught.value)


def test_lists_in_the_environment_are_separated_like_paths() -> None:
    assert config.load({}, {"EVENTSRC_SOURCE_PATHS": "/a:/b c"}).settings.source.paths == ("/a", "/b c")


def test_the_state_directory_of_systemd_is_the_data_directory(tmp_path: Path) -> None:
    settings = config.Settings()
    assert config.data_directory(settings, {"STATE_DIRECTORY": "/var/lib/eventsrc:/x"}) == Path("/var/lib/eventsrc")
    assert config.data_directory(config.Settings(data=str(tmp_path)), {"STATE_DIRECTORY": "/x"}) == tmp_path


def test_the_folders_of_agents_are_found_where_they_exist(tmp_path: Path) -> None:
    (tmp_path / ".claude/projects").mkdir(parents=True)
    (tmp_path / ".codex/sessions").mkdir(parents=True)
    found = config.agent_folders({"HOME": str(tmp_path)})
    assert found == [tmp_path / ".claude/projects", tmp_path / ".codex/sessions"]
    assert config.agent_folders({"HOME": str(tmp_path / "nobody")}) == []


def test_every_setting_is_used_by_somebody() -> None:
    package = Path(config.__file__).parent
    code = "\n".join(path.read_text() for path in package.rglob("*.py") if path.name != "config.py")
    idle = [name for name, _ in config.describe() if not re.search(rf"\.{name.split('.')[-1]}\b", code)]
    assert idle == []


def test_a_setting_that_is_gone_is_an_unknown_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="body_bytes"):
        config.load({}, {}, str(write(tmp_path / "x.toml", "[http]\nbody_bytes = 1\n")))


def test_a_credential_stands_in_for_the_systems_file(tmp_path: Path) -> None:
    write(tmp_path / "credentials/eventsrc.toml", "drain_seconds = 7\n")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"), "XDG_CONFIG_HOME": str(tmp_path)}
    loaded = config.load({}, env)
    assert loaded.settings.drain_seconds == 7
    write(tmp_path / "credentials/eventsrc.toml", "\n")  # what the unit hands over when there is no file
    assert config.load({}, env).settings == config.Settings()


def test_settings_load_in_a_folder_that_was_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert config.load({}, {"XDG_CONFIG_HOME": str(tmp_path)}).settings == config.Settings()
