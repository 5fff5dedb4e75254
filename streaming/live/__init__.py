"""What every live worker has in common: connecting, liveness, continuity, publishing."""
