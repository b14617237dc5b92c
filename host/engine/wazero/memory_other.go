//go:build !linux

package wazero

// system is how this system keeps memories.
var system = portable
