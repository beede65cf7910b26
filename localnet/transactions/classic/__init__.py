"""Classic operations, a module a family; `registry` lists them all."""
