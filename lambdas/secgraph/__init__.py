"""secgraph: AWS findings in, a security graph in DynamoDB, J1QL answers and alerts out."""
