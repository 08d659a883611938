"""Fuzzing of everything that reads text or bytes from outside, guided by coverage.

    pip install --group fuzz
    python -m tests.fuzz link --seconds 300

No corpus is kept: it starts from a few good samples, and prints a finding as bytes to paste into a test.
The suite feeds the same targets without atheris; see tests/test_hostility.py.
"""
