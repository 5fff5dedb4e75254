"""A Dukascopy that runs on one machine: both URL families, from files or from a synthetic market.

Nothing here uses the decoders of `candlewick`: formats are written from the venue's facts, so that
the two sides can prove each other wrong.
"""
