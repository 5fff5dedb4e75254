"""A Kraken that runs on one machine: WebSocket v2 and the public REST calls beside it.

Nothing here uses the adapters of the platform: the protocol is written from the venue's facts, so that
the two sides can prove each other wrong.
"""
