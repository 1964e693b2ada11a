"""Anomalies: the hub looks at what is unlike itself every few minutes, and remembers what people said of it."""
