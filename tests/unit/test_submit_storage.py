"""Which storage `submit` takes: that of the environment, else the OBS of the region with the platform's keys."""

from __future__ import annotations

from modelarts_local.submit.settings import Platform
from modelarts_local.submit.uploading import use_storage

PLATFORM = Platform("https://modelarts.cn-north-4.myhuaweicloud.com", "cn-north-4", "p", "obs.cn-north-4.example.com")
KEYS = {"HUAWEICLOUD_SDK_AK": "AK", "HUAWEICLOUD_SDK_SK": "SK"}


def test_without_an_endpoint_it_is_the_regions_obs_with_the_keys_of_the_platform() -> None:
    environ = {**KEYS, "AWS_SESSION_TOKEN": "of other keys"}
    use_storage(PLATFORM, environ)
    assert environ == {
        **KEYS,
        "S3_ENDPOINT": "https://obs.cn-north-4.example.com",
        "AWS_ACCESS_KEY_ID": "AK",
        "AWS_SECRET_ACCESS_KEY": "SK",
    }


def test_temporary_keys_go_with_their_token() -> None:
    environ = {**KEYS, "HUAWEICLOUD_SDK_SECURITY_TOKEN": "token"}
    use_storage(PLATFORM, environ)
    assert environ["AWS_SESSION_TOKEN"] == environ["HUAWEICLOUD_SDK_SECURITY_TOKEN"]


def test_an_endpoint_of_the_environment_keeps_its_own_keys() -> None:
    environ = {**KEYS, "S3_ENDPOINT": "http://127.0.0.1:9000", "AWS_ACCESS_KEY_ID": "other"}
    before = dict(environ)
    use_storage(PLATFORM, environ)
    assert environ == before
