"""Room 2, node: drain, fold, rank, report; obey."""
