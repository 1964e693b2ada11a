"""The VPC plane: published address ranges."""
