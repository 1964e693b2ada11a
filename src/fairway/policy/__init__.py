"""Room 5, think: model, decide, compile, generate, replay, coverage. Pure: values in, values out."""
