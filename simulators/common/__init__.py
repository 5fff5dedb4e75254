"""What simulated venues have in common: clock, faults, journal, connections, start and stop."""
