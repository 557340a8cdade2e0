"""Which storage `submit` takes: that of the environment, else the OBS of the region with the platform's keys."""

from __future__ import annotations

import pytest

from modelarts_local.submit.settings import Platform, platform_from
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


def test_a_bucket_of_another_cloud_is_named_by_the_host_of_its_storage() -> None:
    environ = {"S3_ENDPOINT": "obs.eu-de.otc.example.com"}
    platform = platform_from("eu-de", "p", "https://modelarts.eu-de.otc.example.com", environ)
    assert platform.obs_host == "obs.eu-de.otc.example.com"


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:9000", "http://localhost:9000", "[::1]:9000"])
def test_a_storage_of_this_computer_is_not_where_the_platform_looks(endpoint: str) -> None:
    platform = platform_from("cn-north-4", "p", None, {"S3_ENDPOINT": endpoint})
    assert platform.obs_host == "obs.cn-north-4.myhuaweicloud.com"
