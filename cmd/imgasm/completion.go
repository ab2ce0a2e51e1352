// imgasm completion: the scripts by which shells ask imgasm complete.

package main

import (
	"embed"
	"fmt"

	"github.com/urfave/cli/v2"
)

//go:embed completion
var completionScripts embed.FS

func completionCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "completion", Category: verbHost + rare, Usage: "print the script that completes command lines in a shell", ArgsUsage: "bash|zsh|fish",
		UsageText: "source <(imgasm completion bash)\n" +
			"imgasm completion zsh >~/.zfunc/_imgasm\n" +
			"imgasm completion fish | source",
		Description: "The script asks imgasm for verbs, flags and values: files by their endings, targets\n" +
			"of imgasm.yaml, machines that run, hosts that ssh knows. make install places all\n" +
			"three. A folder of zsh's, such as ~/.zfunc, must be in fpath before compinit is run.",
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return a.usage("completion takes the name of a shell, got %d", c.NArg())
			}
			script, err := completionScripts.ReadFile("completion/imgasm." + c.Args().First())
			if err != nil {
				return badInput("", fmt.Errorf("there is no completion for %q", c.Args().First()), "there is one for bash, zsh and fish")
			}
			_, err = a.Product.Write(script)
			return err
		},
	}
}
