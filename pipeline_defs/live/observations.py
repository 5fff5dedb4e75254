"""A venue or a sink as an observation: numbers that the page plots, and a table of its series."""

import dagster as dg

from candlewick.times import iso
from candlewick.watch.look import Look, Sink, Worker

Metadata = dict[str, dg.MetadataValue | int | float | str]


def observation(look: Look, subject: str, key: dg.AssetKey) -> dg.AssetObservation:
    """What is seen of a venue or a sink just now."""
    sink = (look.sinks or {}).get(subject)
    metadata = _of_sink(sink) if sink is not None else _of_venue(look.workers[subject], look.at_us)
    return dg.AssetObservation(asset_key=key, metadata=metadata)


def _of_venue(worker: Worker, at_us: int) -> Metadata:
    streams = worker.streams
    metadata: Metadata = {"says": "nothing yet" if worker.record is None else worker.record.summary}
    if worker.record is not None:
        metadata["condition"] = "silent" if worker.silent_us(at_us) else worker.record.condition.value
    if worker.process is not None:
        metadata["process"] = f"{worker.process.state} {worker.process.pid}"
    reconnects = worker.fact("reconnects")
    if reconnects.isdecimal():
        metadata["reconnects"] = int(reconnects)
    if not streams:
        return metadata
    last_us = max(stream.last_event_us for stream in streams.values())
    if last_us:
        metadata["dagster/last_updated_timestamp"] = dg.MetadataValue.timestamp(last_us / 1e6)
    return metadata | {
        "series": len(streams),
        "events": sum(stream.events for stream in streams.values()),
        "lag ms, most": max(stream.lag_ms for stream in streams.values()),
        "waiting for Pulsar": sum(stream.waiting for stream in streams.values()),
        "gaps being filled": sum(stream.open_gaps for stream in streams.values()),
        "gaps that stay": sum(stream.lasting_gaps for stream in streams.values()),
        "streams": dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        "series": name,
                        "state": stream.state,
                        "events": stream.events,
                        "lag ms": stream.lag_ms,
                        "last event": iso(stream.last_event_us) if stream.last_event_us else "",
                        "quiet s": stream.quiet_s,
                        "waiting": stream.waiting,
                        "gaps": stream.open_gaps + stream.lasting_gaps,
                        "problem": stream.problem,
                    }
                )
                for name, stream in sorted(streams.items())
            ]
        ),
    }


def _of_sink(sink: Sink) -> Metadata:
    return {
        "instances": sink.instances,
        "running": sink.running,
        "hours owed": sink.owed,
        "refused by the database": sink.poison,
        "topics": len(sink.topics),
        "last errors": "\n".join(sink.errors) or "none",
    }
