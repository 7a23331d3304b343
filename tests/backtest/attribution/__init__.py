"""Attribution of a run."""
