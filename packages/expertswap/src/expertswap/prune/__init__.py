"""Remove the experts that matter least, and write what stays as a checkpoint of its own."""
