"""boto3 and DuckDB live here and nowhere else."""
