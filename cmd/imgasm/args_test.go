package main

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestInterspersed(t *testing.T) {
	flags := []cli.Flag{&cli.BoolFlag{Name: "json"}, &cli.StringFlag{Name: "log", Aliases: []string{"l"}}}
	commands := []*cli.Command{
		{Name: "replay", Flags: flags},
		{Name: "kickstart", Subcommands: []*cli.Command{{Name: "lint", Flags: flags}}},
	}
	tests := []struct{ in, want string }{
		{"imgasm replay serial.log --json", "imgasm replay --json serial.log"},
		{"imgasm replay serial.log --log a.log --json", "imgasm replay --log a.log --json serial.log"},
		{"imgasm replay serial.log -l a.log", "imgasm replay -l a.log serial.log"},
		{"imgasm replay a --log=x b", "imgasm replay --log=x a b"},
		{"imgasm replay - --json", "imgasm replay --json -"},
		{"imgasm replay a -- --json", "imgasm replay -- a --json"},
		{"imgasm replay a --unknown b", "imgasm replay --unknown a b"},
		{"imgasm kickstart lint a.ks --json b.ks", "imgasm kickstart lint --json a.ks b.ks"},
		{"imgasm --help", "imgasm --help"},
		{"imgasm help", "imgasm --help"},
		{"imgasm help replay a", "imgasm replay --help a"},
		{"imgasm nonsense a --json", "imgasm nonsense a --json"},
		{"imgasm", "imgasm"},
		{"imgasm replay a --log", "imgasm replay --log"},
		{"imgasm replay a --log --json", "imgasm replay --log"},
		{"imgasm replay a --log -json", "imgasm replay --log -json a"},
		{"imgasm replay a --log=--json", "imgasm replay --log=--json a"},
	}
	for _, tt := range tests {
		if got := strings.Join(interspersed(strings.Fields(tt.in), commands), " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}
