"""Room 3, cluster: receive, name, keep, answer."""
