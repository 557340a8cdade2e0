"""What lies where in the bucket: pack images into records, verify them, push and pull folders."""

__version__ = "0.1.0"
