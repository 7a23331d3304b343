"""The search of a sweep as a state machine: what is run next, and what came of it; no Ray and no clock."""
