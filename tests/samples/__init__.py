"""What tests add to the product to see that it can be added."""
