"""What goes over HTTP, as pydantic models: OpenAPI is made of them."""
