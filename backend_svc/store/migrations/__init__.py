"""The schema's history: numbered scripts, applied in order by `store.schema`."""
