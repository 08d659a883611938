"""The soaks of tests/soak.py, cut short: right bytes of the right video whatever fails, and memory within bounds."""

from tests.soak import MEMORY_MAX_BYTES, soak_in_process, soak_server

_ALLOCATOR_BYTES = 100_000_000  # what decoders and encoders have used once stays with the process


def test_no_wrong_answer_while_youtube_fails_and_workers_are_killed() -> None:
    outcome = soak_server(12, seed=1)
    assert outcome.wrong == []
    assert outcome.damage == []
    assert outcome.answers["200"] > 50
    assert outcome.kills > 0
    assert "Traceback" not in outcome.log
    first, *_, last = outcome.memory_bytes
    assert last < first + MEMORY_MAX_BYTES + _ALLOCATOR_BYTES


def test_no_wrong_answer_while_the_clock_jumps() -> None:
    outcome = soak_in_process(6, seed=1)
    assert outcome.wrong == []
    assert outcome.damage == []
    assert outcome.answers["given"] > 50
    assert outcome.jumps > 10
