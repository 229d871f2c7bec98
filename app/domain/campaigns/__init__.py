"""Campaigns: draft, approval, launch, results."""
