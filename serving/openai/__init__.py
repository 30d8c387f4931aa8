"""OpenAI's API over the engine: completions, chat completions and the list of models."""
