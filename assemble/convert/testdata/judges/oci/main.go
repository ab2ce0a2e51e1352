// Command judge has go-containerregistry validate an image layout, layers and
// all, and prints the platform of each image.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func main() {
	index, err := layout.ImageIndexFromPath(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		log.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range manifest.Manifests {
		image, err := index.Image(m.Digest)
		if err != nil {
			log.Fatal(err)
		}
		config, err := image.ConfigFile()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Platform, config.Platform())
	}
}
