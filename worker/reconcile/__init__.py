"""What Xero has, compared with what we believe."""
