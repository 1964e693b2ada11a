"""Rollouts carried out: the hub keeps their states, looks at the cluster, and makes what the plan wants so."""
