"""Campaigns: draft, approval, launch, results (D1, D2, D6, D7)."""
