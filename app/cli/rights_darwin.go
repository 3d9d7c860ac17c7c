package main

// hintGroup says how a person comes to be allowed to use the tunnels.
const hintGroup = "administrators of this Mac may, and members of the group holdfast; or use sudo"
