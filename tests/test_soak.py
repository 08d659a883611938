"""The soaks of tests/soak.py, cut short: right bytes of the right video whatever fails, and memory within bounds."""

from tests.soak import soak_in_process, soak_server

_WORKER_MAX_BYTES = 150_000_000  # the program, its tables of 20 MB, and what two heaps of glibc's keep


def test_no_wrong_answer_while_youtube_fails_and_workers_are_killed() -> None:
    outcome = soak_server(12, seed=1)
    assert outcome.wrong == []
    assert outcome.damage == []
    assert outcome.answers["200"] > 50
    assert outcome.kills > 0
    assert "Traceback" not in outcome.log
    assert max(outcome.memory_bytes) < _WORKER_MAX_BYTES


def test_no_wrong_answer_while_the_clock_jumps() -> None:
    outcome = soak_in_process(6, seed=1)
    assert outcome.wrong == []
    assert outcome.damage == []
    assert outcome.answers["given"] > 50
    assert outcome.jumps > 10
