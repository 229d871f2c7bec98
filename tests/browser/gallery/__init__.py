"""Every piece of the frame on sample data, without a database."""
