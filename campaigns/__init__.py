"""Programs that break files, disks and processes by the thousand; docs/reliability.md has what they found. Tests run a sample of them."""
