"""Everything that needs torch: backbone with scaling layers, preprocessing, bundles, CAM, training."""
