"""Guards of a run: whether it hangs on the future, the order of rows, the process, the signal or cheap costs."""
