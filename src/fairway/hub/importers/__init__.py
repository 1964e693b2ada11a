"""Flows that people already have, read from other programs' records into the columns of `hub.columns`."""
