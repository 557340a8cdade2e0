"""The rules about a training job: its code folder, its boot file and how it would be submitted."""
