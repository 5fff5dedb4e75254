"""The pages of Candlewick: settings and chart, over HTTP. It imports `candlewick` and nothing else of the house."""
