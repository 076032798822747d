"""A model without an agent: one call that answers with edits, through any endpoint."""
