"""An OANDA that runs on one machine: the v20 pricing stream and the REST calls beside it.

Nothing here uses the adapters of the platform: the protocol is written from the venue's facts, so that
the two sides can prove each other wrong.
"""
