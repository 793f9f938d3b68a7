"""The panel in Slicer: one small class a section. The only room that knows Qt, CTK and Slicer's own widgets.

Sections draw what the presenter says and pass on what the user does; they decide nothing. All of them take their
widgets from the .ui file by name.
"""
