"""What runs inside the lab's namespaces: small programs of the standard library alone, `python -S -m`."""
