"""Flows in ClickHouse's SQL: embedded in this process, or on servers."""
