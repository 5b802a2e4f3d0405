"""Files that invoices name or that were uploaded: fetched, and attached behind the exports."""
