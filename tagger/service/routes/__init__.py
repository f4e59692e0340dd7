"""What can be asked over HTTP; each module is one part of it."""
