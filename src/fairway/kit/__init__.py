"""Small parts without domain."""
