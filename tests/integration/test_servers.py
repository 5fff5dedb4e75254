"""The real servers: all on loopback, nobody in without a password or token."""

import httpx
import psutil
import psycopg
import pytest

from candlewick import access
from candlewick.local import postgres, pulsar, supervisor
from candlewick.local.doctor import LOOPBACK_ADDRESSES
from candlewick.local.home import Home
from candlewick.settings import Settings


def test_every_listening_socket_of_every_child_is_on_loopback(servers: Settings) -> None:
    root = psutil.Process(supervisor.pid(Home(servers.home)))
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for process in [root, *root.children(recursive=True)]
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    ports = servers.ports
    assert {ip for ip, _ in listening} <= LOOPBACK_ADDRESSES
    assert {port for _, port in listening} == {ports.postgres, ports.pulsar, ports.pulsar_admin, ports.bookie}


def test_secrets_and_the_control_socket_are_for_their_owner_alone(servers: Settings) -> None:
    home = Home(servers.home)
    files = [*home.secrets.iterdir(), *home.run.glob("*.conf"), home.run / "functions_worker.yml"]
    assert len(files) > 10
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    assert supervisor.socket_file(home).stat().st_mode & 0o777 == 0o600


def test_postgres_refuses_a_wrong_password(postgres_server: Settings) -> None:
    right = access.database_url(postgres_server)
    with psycopg.connect(right) as connection:
        assert connection.execute("SHOW password_encryption").fetchone() == ("scram-sha-256",)
    wrong = right.replace(access.database_password(postgres_server, access.OWNER), "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_postgres_stores_no_password_weaker_than_scram(postgres_server: Settings) -> None:
    with postgres.connect(postgres_server) as connection:
        stored = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolcanlogin").fetchall()
    assert all(str(password).startswith("SCRAM-SHA-256$") for (password,) in stored)


def test_the_owner_is_no_superuser(postgres_server: Settings) -> None:
    with psycopg.connect(access.database_url(postgres_server)) as connection:
        assert connection.execute("SHOW is_superuser").fetchone() == ("off",)


def test_pulsar_refuses_who_shows_no_token(servers: Settings) -> None:
    url = access.pulsar_admin_url(servers)
    assert httpx.get(f"{url}/admin/v2/tenants").status_code == httpx.codes.UNAUTHORIZED
    forged = {"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.Zm9yZ2Vk"}
    assert httpx.get(f"{url}/admin/v2/tenants", headers=forged).status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize("role", [access.PULSAR_PUBLISHER, access.PULSAR_READER, access.PULSAR_GUARD])
def test_pulsar_refuses_a_role_what_is_not_its_right(servers: Settings, role: str) -> None:
    with pulsar.client(servers, role) as admin:
        assert admin.put("/admin/v2/tenants/intruder", json={}).status_code == httpx.codes.UNAUTHORIZED
        assert admin.get("/admin/v2/tenants").status_code == httpx.codes.UNAUTHORIZED


def test_pulsar_offers_the_sink(servers: Settings) -> None:
    with pulsar.client(servers) as admin:
        names = {sink["name"] for sink in admin.get("/admin/v3/sinks/builtinsinks").json()}
    assert pulsar.CONNECTOR in names
