"""A job bundle on the real platform: uploaded, trained, imported, deployed, asked, and stopped again."""
