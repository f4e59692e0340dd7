"""The service: a library and uploads over HTTP, from one command. Needs the extra `service`."""
