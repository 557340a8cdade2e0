"""The online service: a model package answers over HTTP as the platform's would."""
