"""One Lambda a file, thin; runtime.py is the composition root."""
