"""Helpers that handlers import from mxnet-model-server."""
