"""Live events and what is known of their completeness. Without numpy: live workers stay small."""
