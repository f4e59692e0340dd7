"""What was written, durable before it is, and the way back."""
