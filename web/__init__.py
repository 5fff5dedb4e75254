"""The pages of Candlewick: settings and chart, over HTTP. It imports `candlewick` only."""
