"""What is known of live venues apart from their streams: symbols, scales, history by REST."""
