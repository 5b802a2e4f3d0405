"""The `crewcard-xero` command: a file per group of commands."""
