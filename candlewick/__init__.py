"""Candlewick: ticks in, candles out. The domain and its ports."""
