module github.com/berth-run/berth/sdk-guest/go

go 1.24
