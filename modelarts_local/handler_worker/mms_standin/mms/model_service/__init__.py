"""Model services: `SingleNodeService` has the three steps of a prediction, `MXNetBaseService` the network."""

from . import model_service, mxnet_model_service

__all__ = ["model_service", "mxnet_model_service"]
