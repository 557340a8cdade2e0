"""What the job needs to know about MXNet's file formats, without importing MXNet.

A leaf package: Python 3.6 and the standard library; Pillow only while images are decoded.
"""
