"""What is written for PostgreSQL, Pulsar and supervisord."""

import configparser
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from candlewick import access
from candlewick.errors import CandlewickError
from candlewick.local import home, programs, pulsar, supervisor
from candlewick.local.home import Home
from candlewick.local.programs import Program
from candlewick.settings import Settings

BROKER_TEMPLATE = """\
brokerServicePort=6650
bindAddress=0.0.0.0
authenticationEnabled=false
# a comment = with a sign
superUserRoles=
tokenSecretKey=
other=kept

tokenSecretKey=
"""
WORKER_TEMPLATE = """\
workerHostname: localhost
functionRuntimeFactoryClassName: org.example.ProcessRuntimeFactory
functionRuntimeFactoryConfigs:
    # a comment
    logDirectory: logs/
    javaInstanceJarLocation:
authenticationProviders:
superUserRoles:
other: kept
"""


@pytest.fixture
def mine(tmp_path: Path) -> Settings:
    settings = Settings(_env_file=None, home=tmp_path / "home", port_base=15000)  # type: ignore[call-arg]
    home.prepare(settings)
    return settings


@pytest.fixture
def distribution(tmp_path: Path) -> Path:
    folder = tmp_path / "apache-pulsar"
    (folder / "conf").mkdir(parents=True)
    (folder / "conf" / "standalone.conf").write_text(BROKER_TEMPLATE)
    (folder / "conf" / "functions_worker.yml").write_text(WORKER_TEMPLATE)
    return folder


def read_properties(text: str) -> dict[str, str]:
    """As Java does: the last line wins."""
    lines = (line for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.text("xyz", max_size=3)), max_size=12),
    st.dictionaries(st.sampled_from("abcdef"), st.text("123", max_size=3)),
)
def test_replaced_values_win_and_all_others_stay(
    before: list[tuple[str, str]], values: dict[str, str]
) -> None:
    template = "\n".join(f"{key}={value}" for key, value in before)
    assert read_properties(pulsar.replaced(template, values)) == {**dict(before), **values}


def test_the_broker_is_on_loopback_with_authentication(mine: Settings, distribution: Path) -> None:
    pulsar.prepare(mine, Home(mine.home), distribution)
    written = read_properties((Home(mine.home).run / "standalone.conf").read_text())
    assert written["bindAddress"] == written["advertisedAddress"] == "127.0.0.1"
    assert written["listeningInterface"] == "lo"
    assert written["brokerServicePort"] == "15001"
    assert written["authenticationEnabled"] == written["authorizationEnabled"] == "true"
    assert written["tokenSecretKey"] == f"file://{mine.home}/secrets/pulsar-signing.key"
    assert written["superUserRoles"] == "admin,broker"
    assert written["other"] == "kept"


def test_the_worker_runs_threads_with_the_same_authentication(mine: Settings, distribution: Path) -> None:
    pulsar.prepare(mine, Home(mine.home), distribution)
    written = yaml.safe_load((Home(mine.home).run / "functions_worker.yml").read_text())
    assert written["functionRuntimeFactoryClassName"].endswith("thread.ThreadRuntimeFactory")
    assert written["functionRuntimeFactoryConfigs"] == {"threadGroupName": "candlewick-sinks"}
    assert written["superUserRoles"] == ["admin", "broker"]
    assert written["authenticationEnabled"] is True
    assert written["properties"]["tokenSecretKey"].startswith("file:///")
    assert written["pulsarWebServiceUrl"] == "http://127.0.0.1:15002"
    assert written["other"] == "kept"


def test_the_start_script_has_no_secret_and_replaces_itself(mine: Settings, distribution: Path) -> None:
    pulsar.prepare(mine, Home(mine.home), distribution, heap_mib=512)
    script = (Home(mine.home).run / "pulsar.sh").read_text()
    token = access.pulsar_token(mine, access.PULSAR_BROKER)
    assert token is not None
    assert token not in script
    assert "-Xmx512m" in script
    assert script.splitlines()[-1].startswith("exec /usr/bin/env -i ")


def test_a_folder_with_blanks_is_refused_for_pulsar(tmp_path: Path, distribution: Path) -> None:
    spaced = Settings(_env_file=None, home=tmp_path / "my home")  # type: ignore[call-arg]
    home.prepare(spaced)
    with pytest.raises(CandlewickError, match="blanks"):
        pulsar.prepare(spaced, Home(spaced.home), distribution)


def test_the_bookie_keeps_the_port_that_its_data_was_made_with(mine: Settings) -> None:
    place = Home(mine.home)
    assert pulsar.bookie_port(mine, place) == 15003
    cookie = place.pulsar / "bookkeeper" / "current" / "VERSION"
    cookie.parent.mkdir(parents=True)
    cookie.write_text('5\nbookieHost: "127.0.0.1:17926"\njournalDir: "/somewhere"\n')
    assert pulsar.bookie_port(mine, place) == 17926


def test_supervisord_reads_what_is_rendered(mine: Settings) -> None:
    place = Home(mine.home)
    program = Program("odd", "/bin/echo 100% 'a b'", {1: "nothing"}, stop_signal="INT", stop_seconds=7)
    text = supervisor.render(place, [program], {"CANDLEWICK_SECRET": "do not show"})
    parsed = configparser.ConfigParser(inline_comment_prefixes=(";",))
    parsed.read_string(text)
    assert parsed["group:programs"]["programs"] == "odd"
    assert parsed["program:odd"]["command"] == "/bin/echo 100% 'a b'"
    assert parsed["program:odd"]["stopsignal"] == "INT"
    assert parsed["program:odd"]["autostart"] == "false"
    assert parsed["unix_http_server"]["chmod"] == "0600"
    assert "inet_http_server" not in parsed
    assert "do not show" not in text


def test_a_change_of_the_environment_changes_the_configuration(mine: Settings) -> None:
    place = Home(mine.home)
    one, other = (supervisor.render(place, [], {"A": value}) for value in ("1", "2"))
    assert one != other


def test_every_program_rotates_its_log(mine: Settings) -> None:
    place = Home(mine.home)
    text = supervisor.render(place, programs.all_programs(mine, place), {})
    parsed = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    parsed.read_string(text)
    sections = [parsed[name] for name in parsed.sections() if name.startswith("program:")]
    assert sections
    assert {section["stdout_logfile_maxbytes"] for section in sections} == {"10MB"}


def test_a_home_too_deep_for_a_socket_gets_one_elsewhere(tmp_path: Path) -> None:
    deep = Home(tmp_path / ("long" * 30))
    assert len(str(supervisor.socket_file(deep))) <= supervisor.LONGEST_SOCKET_PATH
    assert supervisor.socket_file(deep) != supervisor.socket_file(Home(deep.root / "other"))


def test_servers_that_the_settings_place_elsewhere_are_not_started(tmp_path: Path) -> None:
    external = Settings(  # type: ignore[call-arg]
        _env_file=None,
        home=tmp_path,
        database_url="postgresql://me:secret@db:5432/market",  # type: ignore[arg-type]
        pulsar_url="pulsar://broker:6650",
        pulsar_admin_url="http://broker:8080",
    )
    names = {program.name for program in programs.all_programs(external, Home(tmp_path))}
    assert names.isdisjoint(programs.SERVERS)


def test_programs_find_the_settings_in_their_environment(
    mine: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in programs.environment(mine).items():
        monkeypatch.setenv(name, value)
    assert Settings(_env_file=None) == mine  # type: ignore[call-arg]
