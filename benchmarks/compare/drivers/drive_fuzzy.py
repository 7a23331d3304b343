"""Ten memberships of many bars by a fuzzy library; run by that library's own interpreter, without our packages."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

_FUNCTION_BARS, _RULE_BARS, _ROUNDS = 1_000_000, 2_000, 5


def _memberships() -> float:
    """Return nanoseconds per bar of ten membership functions of scikit-fuzzy and their weighted sum."""
    import skfuzzy  # type: ignore[import-not-found]  # lives in an environment of its own

    rng = np.random.default_rng(1)
    columns = [rng.uniform(0.0, 100.0, _FUNCTION_BARS) for _ in range(10)]
    times = []
    for _ in range(_ROUNDS):
        start = time.process_time_ns()
        score = np.zeros(_FUNCTION_BARS)
        for place, column in enumerate(columns):
            if place < 3:
                found = skfuzzy.gaussmf(column, 50.0, 15.0)
            elif place < 9:
                found = skfuzzy.trapmf(column, [0.0, 40.0, 60.0, 100.0])
            else:
                found = skfuzzy.sigmf(column, 50.0, 0.2)
            score += 0.1 * found
        times.append((time.process_time_ns() - start) / _FUNCTION_BARS)
    return float(np.median(times))


def _rules() -> float:
    """Return nanoseconds per bar of a zero-order Sugeno system of simpful with ten rules."""
    import simpful  # type: ignore[import-not-found]  # lives in an environment of its own

    system: Any = simpful.FuzzySystem(show_banner=False)
    for k in range(10):
        shape = simpful.TrapezoidFuzzySet(0, 40, 60, 100, term="mid")
        system.add_linguistic_variable(f"x{k}", simpful.LinguisticVariable([shape], universe_of_discourse=[0, 100]))
    system.set_crisp_output_value("whole", 1.0)
    system.add_rules([f"IF (x{k} IS mid) THEN (size IS whole)" for k in range(10)])
    rows = np.random.default_rng(1).uniform(0.0, 100.0, (_RULE_BARS, 10)).tolist()
    times = []
    for _ in range(_ROUNDS):
        start = time.process_time_ns()
        for row in rows:
            for k, value in enumerate(row):
                system.set_variable(f"x{k}", value)
            system.Sugeno_inference(["size"])
        times.append((time.process_time_ns() - start) / _RULE_BARS)
    return float(np.median(times))


if __name__ == "__main__":
    print(json.dumps({"ns_per_bar": _memberships() if sys.argv[1] == "scikit-fuzzy" else _rules()}))
