"""Results: rows → the response, and the response as people read it."""
