"""What is seen on real servers, in the names of roles that may do no more."""

import shutil

from candlewick import access, health
from candlewick.hours import Gap, Hour, HourState, Trades
from candlewick.instruments import Kind
from candlewick.settings import Settings
from candlewick.times import HOUR_US, floor_hour, now_us
from candlewick.watch.judge import Check, judge
from candlewick.watch.look import Hole, take
from candlewick.watch.memory import Memory
from candlewick.watch.restart import restart
from tests.integration.bus.sinks import sinks
from tests.live_topics import live_series
from tests.waiting import until


def test_sinks_holes_and_a_restart_as_the_guard_may_see_and_do_them(
    servers: Settings, database_url: str
) -> None:
    with sinks(servers, database_url) as landing:
        settings = landing.settings
        # What a worker of another test said last may be less than a minute old.
        shutil.rmtree(health.folder(settings.home), ignore_errors=True)
        assert access.pulsar_token(settings, access.PULSAR_GUARD)
        series = live_series(Kind.TRADES)
        landing.store.add_series(series)
        landing.admin.ensure_series(series)
        try:
            hour_us = floor_hour(now_us())
            gap = Gap(hour_us, hour_us + HOUR_US)
            scales = series.price_scale, series.volume_scale
            hour = Hour(series.name, hour_us, 1, HourState.PENDING, "test", *scales, Trades(), (gap,))
            landing.bus.publish_hours(series, [hour])
            until("landed", lambda: landing.store.landed_marks(series.name, [hour_us]))

            look = take(settings)

            assert look.holes == (Hole(series.name, gap.from_us, gap.to_us, "gap"),)
            assert look.series == (series.name,)
            assert look.sinks is not None
            assert set(look.sinks) == {"quote-hours", "trade-hours"}
            assert all(sink.running == sink.instances > 0 for sink in look.sinks.values())
            assert look.sinks["trade-hours"].topics[series.name].landed == 1
            bad = {one.check for one in judge(look, Memory(), patient=False).outcomes if one.passed is False}
            # No worker runs here.
            assert bad == {Check.CONNECTED, Check.OPEN_GAPS, Check.RECORDED}

            left = restart(settings, "trade-hours", even_if_well=False)
            done = restart(settings, "trade-hours", even_if_well=True)

            assert (left.done, done.done) == (False, True)
        finally:
            landing.admin.delete_series(series)
