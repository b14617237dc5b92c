// Command hello-state is a Dapr application like any other: it uses the official
// Go SDK and knows neither Berth nor what stores its state.
package main

import (
	"context"
	"fmt"
	"log"

	dapr "github.com/dapr/go-sdk/client"
)

const store = "statestore"

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	client, err := dapr.NewClient() // finds the sidecar by DAPR_GRPC_PORT
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.SaveState(ctx, store, "order", []byte(`{"id":1}`), nil); err != nil {
		return err
	}
	item, err := client.GetState(ctx, store, "order", nil)
	if err != nil {
		return err
	}
	fmt.Printf("read %s with etag %s\n", item.Value, item.Etag)
	// Somebody who knows an older version may not overwrite this one.
	err = client.SaveStateWithETag(ctx, store, "order", []byte(`{"id":2}`), "older", nil)
	fmt.Println("a save with another etag:", err)
	return nil
}
