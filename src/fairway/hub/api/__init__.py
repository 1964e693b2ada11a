"""The hub over HTTP: agents' reports in, answers out."""
