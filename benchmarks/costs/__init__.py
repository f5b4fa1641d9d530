"""What a deployment costs a month. In: prices, counted requests and units. Out: a table for docs/costs.md."""
