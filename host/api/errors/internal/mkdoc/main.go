// Command mkdoc writes the documentation of the error codes.
package main

import (
	"bytes"
	"flag"
	"log"
	"os"

	apierrors "github.com/berth-run/berth/host/api/errors"
)

func main() {
	out := flag.String("o", "CODES.md", "file to write")
	flag.Parse()
	var b bytes.Buffer
	if err := apierrors.WriteMarkdown(&b); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
