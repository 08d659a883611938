"""A pytest plugin for machines where not everything can be installed: leaves out what cannot run, and says so.

`./run test` uses it for everybody but root. A run that left something out never counts as passed.
"""

import shutil
from collections import Counter, defaultdict

import pytest

_left_out: dict[str, Counter[str]] = defaultdict(Counter)


def _missing(test: pytest.Item) -> list[str]:
    """The commands that *test* is marked to need, and that are not there."""
    wanted = dict.fromkeys(command for mark in test.iter_markers("needs") for command in mark.args)
    return [command for command in wanted if shutil.which(command) is None]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    runnable = []
    for test in items:
        if missing := _missing(test):
            _left_out[", ".join(missing)][test.nodeid.partition("[")[0]] += 1
        else:
            runnable.append(test)
    config.hook.pytest_deselected(items=[test for test in items if test not in runnable])
    items[:] = runnable


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _left_out and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for missing, tests in _left_out.items():
        terminalreporter.section(f"not run: {missing} not found")
        for test, times in tests.items():
            terminalreporter.line(f"{test} ({times} times)" if times > 1 else test)
