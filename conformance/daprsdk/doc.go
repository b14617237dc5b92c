// Package daprsdk runs the official Dapr Go SDK against a running berthd: what
// an unmodified application sees. It is a module of its own, so that the SDK's
// dependencies never enter the product's.
package daprsdk
