"""What lies where in the bucket: pack images into records, verify them, push and pull folders."""

__version__ = "1.0.0"
