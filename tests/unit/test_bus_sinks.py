"""How the sinks are set up."""

from candlewick.bus_sinks import SinkDatabase, sink_config
from candlewick.instruments import Kind


def test_the_sink_keeps_its_backlog_and_lets_one_bad_row_hold_up_no_other() -> None:
    database = SinkDatabase("127.0.0.1", 5432, "a b", "user", "p&w")
    config = sink_config(Kind.QUOTES, database)
    assert config["cleanupSubscription"] is False
    assert config["retainOrdering"] is False
    assert config["configs"]["batchSize"] == 1
    assert "deadLetterTopic" not in config
    assert "maxMessageRetries" not in config
    assert config["configs"]["jdbcUrl"].startswith("jdbc:postgresql://127.0.0.1:5432/a%20b?")
