"""Files and data sets in, frames and masks out; results into folders. SimpleITK, pydicom and pillow live here only.

They are imported where they are used, so that nothing is loaded before a file is read.
"""
