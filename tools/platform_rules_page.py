"""Print docs/platform-rules.md, made from modelarts_local's tables of limits and of rules.

PYTHONPATH=.:codes python3 -m tools.platform_rules_page > docs/platform-rules.md
"""

from __future__ import annotations

import sys
from typing import Any, Iterator

from modelarts_local.check.rules import RULES
from modelarts_local.platform_rules import ANY, GIB, LIMITS, MIB, Limit

HEAD = """\
# What the platform asks, and which command keeps it

<!-- Made by: PYTHONPATH=.:codes python3 -m tools.platform_rules_page > docs/platform-rules.md -->

Two tables: the limits and defaults that ModelArts documents, of
[`platform_rules.py`](../modelarts_local/platform_rules.py), and the rules of `modelarts-local check`, of
[`rules.py`](../modelarts_local/check/rules.py). A test proves each limit for each command that is named beside it, and
each rule has a broken job or package below `tests/broken` that must get its finding and no other.

Evidence: D documented by Huawei, S seen in official samples and logs, I inferred, U reported by users.

## Limits and defaults

Where a value changed over the years, each is given with the year from which it held; `check` warns by the strictest.

| limit | value | evidence | kept by | the platform's code |
| --- | --- | --- | --- | --- |
"""
RULES_HEAD = """
## Rules of `check`

An error would be refused by the platform, or fail there; a warning may fail, or do something else than is meant.

| rule | severity | holds when |
| --- | --- | --- |
"""


def page() -> str:
    """Return the page as Markdown."""
    return HEAD + "".join(_limit_rows()) + RULES_HEAD + "".join(_rule_rows())


def main() -> int:
    """Print the page; returns 0."""
    print(page(), end="")
    return 0


def _limit_rows() -> Iterator[str]:
    for limit in LIMITS.values():
        commands = ", ".join(f"`{command}`" for command in limit.enforced_by)
        yield f"| {limit.what} | {_values(limit)} | {limit.evidence} | {commands} | {limit.code or '-'} |\n"


def _values(limit: Limit) -> str:
    shown = {era: _shown(value, limit.unit) for era, value in limit.by_era.items()}
    return ", ".join(value if era == ANY else f"{value} ({era})" for era, value in shown.items())


def _shown(value: Any, unit: str) -> str:
    if unit == "bytes":
        return f"{value // GIB} GB" if value % GIB == 0 else f"{value // MIB} MB"
    if unit == "seconds":
        return f"{value // 60} min" if value > 60 and value % 60 == 0 else f"{value} s"
    if not isinstance(value, int):
        return str(value)
    return str(value) if unit == "port" else f"{value:,} {unit if value != 1 else unit.rstrip('s')}"


def _rule_rows() -> Iterator[str]:
    for rule in RULES.values():
        yield f"| {rule.id} | {rule.severity} | {rule.title} |\n"


if __name__ == "__main__":
    sys.exit(main())
