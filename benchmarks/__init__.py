"""Reproducible benchmarks; each measures its limit in the same run and prints it beside its figure."""
