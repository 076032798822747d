"""What a ledger says, as rows, tables and pictures; reads `overnight.ledger.queries` only."""
