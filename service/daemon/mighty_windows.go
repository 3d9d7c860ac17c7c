package daemon

// mighty is who may change what the kernel keeps.
const mighty = "an administrator"
