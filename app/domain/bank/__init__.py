"""The bank's month: who kept the balance, decided on evidence."""
