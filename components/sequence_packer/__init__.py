"""Documents to rows of one length."""
