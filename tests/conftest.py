"""Fixtures that more than one group of tests uses."""

pytest_plugins = ["tests.fixtures_s3", "tests.fixtures_engines", "tests.fixtures_browser"]
