"""The words rooms share, versioned."""
