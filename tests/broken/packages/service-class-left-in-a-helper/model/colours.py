from mms.model_service.mxnet_model_service import MXNetBaseService

NAMES = ["red"]


class ColourService(MXNetBaseService):
    pass
