"""One file per verb; imported by nobody."""
