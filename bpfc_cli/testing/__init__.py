"""`bpfc test`: events judged, and compared with what test blocks expect of them."""
