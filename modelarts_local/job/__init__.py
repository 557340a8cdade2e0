"""The managed training job: versions, environment, log and states as on the platform, on this computer."""
