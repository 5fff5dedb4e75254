"""Login roles of a database: the sink's and the readers'."""

from candlewick.store.database import Connection, run


def prepare_role(connection: Connection, role: str, password: str) -> str:
    """Creates or updates the role `<database>_<role>` and returns its name; `role` is sink or reader."""
    name = f"{connection.info.dbname}_{role}"
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    run(connection, f"prepare_{role}_role", {"verifier": verifier.decode()})
    return name
