"""What ops look at: what needs a person, how each company's lane is, how much goes through."""
