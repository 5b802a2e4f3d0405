"""The web faces: doors for hosts; pages come later."""
