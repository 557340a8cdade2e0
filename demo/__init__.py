"""`make demo`: from pictures to a served prediction through a bucket, on one machine, in two minutes."""
