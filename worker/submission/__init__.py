"""Changes that people give at the command line or on a page, and that are answered while they wait."""
