"""Where the CT lies in a radiograph: line integrals through it, and the pose of its bones."""
