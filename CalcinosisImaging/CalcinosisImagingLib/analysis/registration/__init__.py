"""Where each bone of the CT is in the MR, and how soft tissue follows."""
