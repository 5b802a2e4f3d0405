"""What people order or change, by command or on a page: handed in as any host's event, one by one or very many."""
