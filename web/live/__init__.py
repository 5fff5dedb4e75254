"""The live edge: one reader per series, and from it to as many browsers as listen."""
