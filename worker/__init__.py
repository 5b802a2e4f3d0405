"""The moves: intake, turns, settling, relaying, rescuing."""
