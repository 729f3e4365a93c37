"""A digital hand with calcinosis: synthetic studies with known truth, and deposits for real images."""
