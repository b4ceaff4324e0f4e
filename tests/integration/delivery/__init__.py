"""The delivery on a real store, over real sockets."""
