"""A module for each live venue: its addresses, its messages, how it fills a gap (docs/adding-a-venue.md)."""
