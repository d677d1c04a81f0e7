package api

// Version is demarc's own version.
const Version = "0.1.0"
