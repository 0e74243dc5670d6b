"""Material to try the framework on; nothing of the framework needs it but the quickstart."""
