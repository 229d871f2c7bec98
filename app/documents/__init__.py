"""Bytes out of a table or of HTML: Excel, CSV, PDF, charts. Knows no tables of the database and makes no queries."""
