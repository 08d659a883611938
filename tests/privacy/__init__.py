"""Network-level privacy test: a real browser in a network namespace where every DNS query and connection is counted."""
