"""Reports in Excel and PDF, mailed to managers."""
