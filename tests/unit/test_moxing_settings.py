"""Where the storage is and who may use it, from the environment and set_auth.

Kept to Python 3.6: it runs on the parity engine too.
"""

import logging

import pytest

from moxing_shim.settings import current_settings, set_auth


@pytest.fixture(autouse=True)
def no_numbers(no_storage, monkeypatch):
    """Take the settings away that are numbers, too."""
    for name, _, _, _ in NUMBERS.values():
        monkeypatch.delenv(name, raising=False)


def test_defaults_leave_everything_to_boto3_and_verify_certificates():
    settings = current_settings()
    assert (
        settings.endpoint,
        settings.access_key,
        settings.secret_key,
        settings.session_token,
        settings.region,
    ) == (None, None, None, None, None)
    assert settings.verify_ssl is True
    assert settings.path_style is None
    assert (settings.tries, settings.retry_wait_s) == (10, 0.1)
    assert (settings.timeout_s, settings.page_keys) == (60.0, 1000)


@pytest.mark.parametrize(
    "environment, endpoint",
    [
        ({"S3_ENDPOINT": "obs.cn-north-1.myhuaweicloud.com"}, "https://obs.cn-north-1.myhuaweicloud.com"),
        ({"S3_ENDPOINT": "127.0.0.1:9000", "S3_USE_HTTPS": "0"}, "http://127.0.0.1:9000"),
        ({"S3_ENDPOINT": "http://127.0.0.1:9000/"}, "http://127.0.0.1:9000"),
        ({"S3_ENDPOINT": "https://host", "S3_USE_HTTPS": "0"}, "https://host"),
        ({"AWS_ENDPOINT_URL": "http://a"}, "http://a"),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b"}, "http://b"),
        ({"AWS_ENDPOINT_URL_S3": "http://b", "S3_ENDPOINT": "http://c"}, "http://c"),
    ],
)
def test_the_endpoint_comes_from_the_environment(monkeypatch, environment, endpoint):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert current_settings().endpoint == endpoint


@pytest.mark.parametrize(
    "told, endpoint",
    [
        ({"server": "host"}, "https://host"),
        ({"server": "host:9000", "is_secure": False}, "http://host:9000"),
        ({"server": "https://host", "is_secure": False}, "http://host"),
        ({"server": "http://host", "port": 8443, "is_secure": True}, "https://host:8443"),
        ({"server": "host:9000", "port": 9001}, "https://host:9001"),
        ({"server": "http://[::1]:9000", "port": "9001"}, "http://[::1]:9001"),
        ({"is_secure": False}, "http://from-environment:1"),
    ],
)
def test_set_auth_overrides_the_endpoint(monkeypatch, told, endpoint):
    monkeypatch.setenv("S3_ENDPOINT", "https://from-environment:1")
    set_auth(**told)
    assert current_settings().endpoint == endpoint


@pytest.mark.parametrize("family", ["AWS_", "S3_", ""])
def test_keys_come_from_any_of_three_families(monkeypatch, family):
    monkeypatch.setenv(family + "ACCESS_KEY_ID", "a")
    monkeypatch.setenv(family + "SECRET_ACCESS_KEY", "s")
    settings = current_settings()
    assert (settings.access_key, settings.secret_key) == ("a", "s")


def test_keys_of_two_families_are_never_mixed(monkeypatch):
    monkeypatch.setenv("S3_ACCESS_KEY_ID", "s3-access")
    monkeypatch.setenv("S3_SECRET_ACCESS_KEY", "s3-secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "aws-token")
    settings = current_settings()
    assert (settings.access_key, settings.secret_key, settings.session_token) == (
        "s3-access",
        "s3-secret",
        None,
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "aws-access")
    settings = current_settings()
    assert (settings.access_key, settings.secret_key, settings.session_token) == (
        "aws-access",
        "aws-secret",
        "aws-token",
    )
    set_auth(ak="told-access", sk="told-secret")
    settings = current_settings()
    assert (settings.access_key, settings.secret_key, settings.session_token) == (
        "told-access",
        "told-secret",
        None,
    )


def test_case_30_set_auth_is_cumulative_and_none_keeps():
    set_auth(ak="a", sk="s", path_style=True, ssl_verify=False)
    set_auth(retry=2, retry_wait=0.5, client_timeout=3, list_max_keys=7, ak=None, long_conn_mode=True)
    settings = current_settings()
    assert (settings.access_key, settings.secret_key, settings.path_style, settings.verify_ssl) == (
        "a",
        "s",
        True,
        False,
    )
    assert (settings.tries, settings.retry_wait_s, settings.timeout_s, settings.page_keys) == (2, 0.5, 3.0, 7)


def test_unknown_options_of_set_auth_are_named_and_ignored(caplog):
    set_auth(retry=2, proxy_host="h", chunk_size=1)
    assert [record.getMessage() for record in caplog.records] == ["set_auth: no effect here: chunk_size, proxy_host"]
    assert [(record.name, record.levelno) for record in caplog.records] == [("moxing", logging.WARNING)]
    assert current_settings().tries == 2


def test_options_of_the_obs_client_are_accepted_in_silence(caplog):
    set_auth(obs_client_log=False, negotiation=False)
    assert caplog.records == []


@pytest.mark.parametrize(
    "told, timeout_s",
    [
        ({"timeout_config": {"getObjectMetadata": 10}}, 60.0),
        ({"timeout_config": {"getObjectMetadata": 10, "completeMultipartUpload": 300, "getObject": None}}, 300.0),
        ({"timeout_config": {"getObject": 300}, "client_timeout": 7}, 7.0),
        ({"timeout_config": {}}, 60.0),
    ],
)
def test_of_the_timeouts_of_single_operations_the_longest_counts_for_all(told, timeout_s):
    set_auth(**told)
    assert current_settings().timeout_s == timeout_s


def test_a_timeout_out_of_range_is_named_with_its_operation():
    with pytest.raises(ValueError) as caught:
        set_auth(timeout_config={"getObject": 0})
    assert str(caught.value) == "set_auth(timeout_config={'getObject': 0}): use seconds above 0, up to 86400"


NUMBERS = {
    "tries": ("AWS_MAX_ATTEMPTS", 10, 1, 1000),
    "part_bytes": ("MOX_FILE_LARGE_FILE_PART_SIZE", 10 * 2**20, 5 * 2**20, 5 * 2**30),
    "part_threads": ("MOX_FILE_LARGE_FILE_TASK_NUM", 8, 1, 1000),
    "split_from_bytes": ("MOX_FILE_PARTIAL_MAXIMUM_SIZE", 16 * 2**20, 1, 5 * 2**30),
}


@pytest.mark.parametrize("field", sorted(NUMBERS))
def test_numbers_come_from_the_environment(monkeypatch, field):
    name, default, low, high = NUMBERS[field]
    assert getattr(current_settings(), field) == default
    for number in (low, high):
        monkeypatch.setenv(name, str(number))
        held = 64 * 2**20 if number == 5 * 2**30 else number  # what one request holds in memory is bounded
        assert getattr(current_settings(), field) == held


@pytest.mark.parametrize("field", sorted(NUMBERS))
@pytest.mark.parametrize("text", ["many", "-1", "1e6", "0"])
def test_a_variable_that_is_no_number_or_out_of_range_is_named(monkeypatch, field, text):
    name, _, low, high = NUMBERS[field]
    monkeypatch.setenv(name, text)
    with pytest.raises(ValueError) as caught:
        current_settings()
    assert str(caught.value) == f"{name} is {text!r}; set it to a whole number from {low} to {high}, or unset it"


def test_set_auth_goes_before_the_number_of_tries_in_the_environment(monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    set_auth(retry=2)
    assert current_settings().tries == 2


@pytest.mark.parametrize("size_bytes, part_mib", [(0, 10), (100000 * 2**20, 10), (200000 * 2**20, 20)])
def test_parts_grow_where_ten_thousand_of_them_would_not_suffice(size_bytes, part_mib):
    assert current_settings().part_bytes_for(size_bytes) == part_mib * 2**20


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("retry", 0, "set_auth(retry=0): use a number from 1 to 1000"),
        ("list_max_keys", 1001, "set_auth(list_max_keys=1001): use a number from 1 to 1000"),
        ("client_timeout", 0, "set_auth(client_timeout=0): use a number from 0.001 to 86400"),
        ("port", 70000, "set_auth(port=70000): use a number from 1 to 65535"),
        ("retry_wait", -1, "set_auth(retry_wait=-1): use a number from 0 to 3600"),
    ],
)
def test_a_number_out_of_range_is_refused_and_changes_nothing(option, value, message):
    with pytest.raises(ValueError) as caught:
        set_auth(**{"ak": "a", option: value})
    assert str(caught.value) == message
    assert current_settings().access_key is None


@pytest.mark.parametrize("text, expected", [("0", False), ("false", False), ("No", False), ("1", True), ("", True)])
def test_certificates_are_checked_unless_told_otherwise(monkeypatch, text, expected):
    monkeypatch.setenv("S3_VERIFY_SSL", text)
    assert current_settings().verify_ssl is expected


def test_a_variable_that_is_neither_yes_nor_no_is_named(monkeypatch):
    monkeypatch.setenv("S3_VERIFY_SSL", "maybe")
    with pytest.raises(ValueError) as caught:
        current_settings()
    assert str(caught.value) == "S3_VERIFY_SSL is 'maybe'; set it to 0 or 1"


@pytest.mark.parametrize(
    "endpoint, region",
    [
        ("obs.cn-north-4.myhuaweicloud.com", "cn-north-4"),
        ("https://obs.eu-west-101.myhuaweicloud.eu:443", "eu-west-101"),
        ("obs.cn-south-1.myhwclouds.com", "cn-south-1"),
        ("obs.myhuaweicloud.com", "us-east-1"),
        ("127.0.0.1:9000", "us-east-1"),
        ("obs.cn-north-4.example.com", "us-east-1"),
    ],
)
def test_the_region_is_read_off_an_obs_endpoint(monkeypatch, endpoint, region):
    monkeypatch.setenv("S3_ENDPOINT", endpoint)
    assert current_settings().region == region
    monkeypatch.setenv("S3_REGION", "told")
    assert current_settings().region == "told"


def test_settings_show_no_key():
    set_auth(ak="visible-access", sk="visible-secret")
    for shown in (repr(current_settings()), str(current_settings()), f"{current_settings()}"):
        assert "visible" not in shown
        assert "access_key='***', secret_key='***', session_token=None" in shown
