"""What a person allowed and what an address refused (A6, A7)."""
