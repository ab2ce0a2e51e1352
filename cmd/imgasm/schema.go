// imgasm schema: what programs may rely on in what imgasm prints and writes.

package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
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
		Name: "schema", Usage: "print the JSON Schema of what imgasm prints or writes", ArgsUsage: "[NAME]",
		UsageText: "imgasm schema\nimgasm schema event",
		Description: "Without a NAME it lists them. A number at the end of a schema's $id is its version:\n" +
			"fields may be added in the same one, and are removed or changed in a new one only.",
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return a.usage("schema takes one NAME at most, got %d arguments", c.NArg())
			}
			return a.printSchema(c.Args().First())
		},
	}
}

func (a *app) printSchema(name string) error {
	entries, err := schemas.ReadDir("schemas")
	if err != nil {
		return err
	}
	var names []string
	table := a.Table()
	for _, e := range entries {
		text, err := schemas.ReadFile(path.Join("schemas", e.Name()))
		if err != nil {
			return err
		}
		this := strings.TrimSuffix(e.Name(), ".json")
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
		names = append(names, this)
		table.Row(this, about.Title)
	}
	if name != "" {
		return badInput("", fmt.Errorf("there is no schema %s", name), "there are "+strings.Join(names, ", "))
	}
	return table.Flush()
}
