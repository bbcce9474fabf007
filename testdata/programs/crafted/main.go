// Crafted writes profiles that no program would write just so: whole ones that are unusual, and broken
// ones. They are made by hand, field by field, so that what is unusual or broken is only what the name
// of the file says.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"log"
	"os"
	"path/filepath"
)

func compress(data []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return out.Bytes()
}

func main() {
	dir := flag.String("dir", ".", "where the profiles go")
	flag.Parse()
	for _, f := range append(goodCases(), badCases()...) {
		path := filepath.Join(*dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			log.Fatal(err)
		}
		data := f.data
		if !f.raw {
			data = compress(data)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
