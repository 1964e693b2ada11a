"""Signals: what is unlike itself, and why. Pure: traffic in, findings and causes out; time is an argument."""
