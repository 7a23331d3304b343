"""Other engines beside ours, on the same data in the same run, each in an environment of its own.

They are no dependency and none of their code is here: several are GPL or AGPL. ``python -m benchmarks.compare`` makes
the environments on demand under a cache folder and leaves out, with the reason, what cannot be installed.
"""
