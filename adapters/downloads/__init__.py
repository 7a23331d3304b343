"""Downloads of history from vendors into the store: planned by session, resumable task by task, safe at any cut."""

from __future__ import annotations

from adapters.downloads.connecting import VenueOptions, open_downloader
from adapters.downloads.running import DownloadOptions, DownloadReport, Downloads, DownloadStatus
from adapters.downloads.tasks import Connection, Downloader, DownloadTask, FetchedRows

__all__ = [
    "Connection",
    "DownloadOptions",
    "DownloadReport",
    "DownloadStatus",
    "DownloadTask",
    "Downloader",
    "Downloads",
    "FetchedRows",
    "VenueOptions",
    "open_downloader",
]
