"""What starts the library: command line, headless Slicer core, browser app."""
