"""Reports a run in one HTML file: `write_report(run, dataset, compare)`."""

from bytetrack.report.document import write_report

__all__ = ["write_report"]
