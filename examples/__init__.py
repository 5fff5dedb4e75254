"""Small programs on top of `candlewick.client`."""
