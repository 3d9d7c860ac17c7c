package main

// hintGroup says how a person comes to be allowed to use the tunnels.
const hintGroup = "members of the group holdfast may: sudo usermod -aG holdfast USER, then log in again; or use sudo"
