"""Benchmarks: everything side by side in one run, printed as tables of ratios; no time is ever asserted.

    python -m bench.hits       what is in memory, beside nginx, a bare dictionary and Flask
    python -m bench.cold       what is not, on top of YouTube's own time
    python -m bench.mixed      the first during a storm of the second
    python -m bench.encoders   size, quality and time of the picture settings, on photographs

They need what `pip install -e . --group dev --group bench` installs, and nginx and wrk.
"""
