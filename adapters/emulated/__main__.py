"""An emulated venue as a process; `adapters.emulated.process` starts it and tells it on standard input what to be."""

from __future__ import annotations

import sys

from adapters.emulated.serving import serve

sys.exit(serve(sys.stdin.buffer, sys.stdout))
