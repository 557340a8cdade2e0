"""Stand-in for mxnet-model-server 0.4: what handlers on ModelArts import, for where the real one is missing.

The folder above this one is put on sys.path of the service process, so that a handler's
`from mms.model_service.mxnet_model_service import MXNetBaseService` finds it under the platform's own name.
"""
