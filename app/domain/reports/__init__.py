"""Reports in Excel and PDF, mailed to managers (H3)."""
