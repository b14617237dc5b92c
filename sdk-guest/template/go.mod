module example.com/acme/store

go 1.24

require github.com/berth-run/berth/sdk-guest/go v0.0.0
