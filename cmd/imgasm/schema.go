// imgasm schema: what programs may rely on in what imgasm prints and writes.

package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// schemas are made of the Go types by TestSchemas, with -update.
//
//go:embed schemas/*.json
var schemas embed.FS

// schemaCommand is the verb schema.
func schemaCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "schema", Category: verbHost + rare, Usage: "print the JSON Schema of what imgasm prints or writes", ArgsUsage: "[SCHEMA]",
		UsageText: "imgasm schema\nimgasm schema event",
		Description: "Without a SCHEMA it lists them. A number at the end of a schema's $id is its version:\n" +
			"fields may be added in the same one, and are removed or changed in a new one only.",
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return a.usage("schema takes one SCHEMA at most, got %d", c.NArg())
			}
			return a.printSchema(c.Args().First())
		},
	}
}

func (a *app) printSchema(name string) error {
	names := schemaNames()
	if name != "" && !slices.Contains(names, name) {
		return badInput("", fmt.Errorf("there is no schema %s", name), "there are "+strings.Join(names, ", "))
	}
	table := a.Table()
	for _, this := range names {
		text, err := schemas.ReadFile(path.Join("schemas", this+".json"))
		if err != nil {
			return err
		}
		if this == name {
			_, err = a.Product.Write(text)
			return err
		}
		var about struct {
			Title string `json:"title"`
		}
		if err := json.Unmarshal(text, &about); err != nil {
			return err
		}
		table.Row(this, about.Title)
	}
	return table.Flush()
}

func schemaNames() (names []string) {
	entries, _ := schemas.ReadDir("schemas") // which cannot fail
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}
