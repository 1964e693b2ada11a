"""The only room that talks to the Kubernetes API: it looks, asks who may, and writes what people promote."""
