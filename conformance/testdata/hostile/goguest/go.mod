module github.com/berth-run/berth/conformance/testdata/hostile/goguest

go 1.24

require github.com/berth-run/berth/sdk-guest/go v0.0.0

replace github.com/berth-run/berth/sdk-guest/go => ../../../../sdk-guest/go
