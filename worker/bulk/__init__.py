"""What people order at the console, about one invoice or very many."""
