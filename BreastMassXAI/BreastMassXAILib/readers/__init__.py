"""Files in, frames and masks out. SimpleITK, pydicom and pillow live in the rooms that touch files only.

They are imported where they are used, so that nothing is loaded before a file is read.
"""
