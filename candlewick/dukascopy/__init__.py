"""Dukascopy: its formats, its hosts, and what its answers are worth."""
