"""What a person allowed and what an address refused."""
