"""Banks of older revisions, each as the last version with that revision left it: what `pg_dump` wrote, compressed."""
