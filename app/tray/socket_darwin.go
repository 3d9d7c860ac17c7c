package main

// defaultSocket is where the service listens on this system.
const defaultSocket = "/var/run/holdfast.sock"
