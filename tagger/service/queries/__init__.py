"""What is asked of the database, and what is changed in it."""
