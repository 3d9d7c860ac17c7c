package main

// defaultSocket is where the service listens on this system.
const defaultSocket = "/run/holdfast/holdfast.sock"
