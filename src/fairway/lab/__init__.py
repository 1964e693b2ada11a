"""The stage: a small cluster out of network namespaces, with a shop in it."""
