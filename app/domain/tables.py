"""Every table of the product, for migrations and for the security that is made from them."""

from sqlalchemy import Table

from app.core.db import Base
from app.domain import nouns as _nouns  # its declarations bring the models

__all__ = ["metadata", "owned", "partitioned"]
metadata = Base.metadata
_ = _nouns


def owned() -> list[Table]:
    """The tables that belong to organisations, parents first."""
    return [table for table in metadata.sorted_tables if "organisation_id" in table.c]


def partitioned() -> list[Table]:
    """The tables that are partitioned by month."""
    return [table for table in metadata.sorted_tables if table.dialect_options["postgresql"]["partition_by"]]
