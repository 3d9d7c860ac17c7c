package main

// defaultSocket is where the service listens on this system.
const defaultSocket = `\\.\pipe\ProtectedPrefix\Administrators\Holdfast\control`
