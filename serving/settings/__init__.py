"""What a server is told: flags and the text files they name, as tensorflow_model_server reads them."""
