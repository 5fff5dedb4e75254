"""History: from what a venue has published to candles, a day of a series at a time."""
