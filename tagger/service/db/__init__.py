"""Rows: the models, the engine, and the migrations, alike on PostgreSQL and SQLite."""
