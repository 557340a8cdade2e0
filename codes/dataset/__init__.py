"""The pictures: found, checked and read from RecordIO files, augmented, and put together to batches."""
