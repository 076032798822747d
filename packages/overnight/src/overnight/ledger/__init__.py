"""The durable record of a study: one writer, any number of readers."""
