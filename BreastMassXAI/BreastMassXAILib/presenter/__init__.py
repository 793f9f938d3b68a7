"""What a panel shows and does, without the panel: no Qt here. Hosts draw it in Slicer or in a browser."""
