"""Users of the console: their accounts, and how they sign in."""
