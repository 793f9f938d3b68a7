"""MRML in and out. Runs in Slicer and on the slicer-core wheel: no qt, no trame, no `slicer.util`."""
