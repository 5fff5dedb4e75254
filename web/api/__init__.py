"""The handlers: each takes a question apart, asks somebody, and puts the answer together."""
