"""INGEST: AWS events become graph changes. Pure: no AWS, no clock."""
