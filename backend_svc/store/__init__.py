"""PostgreSQL: the schema, and one named function for each question that is asked of it."""
