"""Hours assembled from a live topic and its continuity. Pure: messages go in, hours come out."""
