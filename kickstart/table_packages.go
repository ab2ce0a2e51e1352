// Rows of the table: modules.

package kickstart

var packagesCommands = []CommandSpec{
	{
		Name: "module",
		Help: "enables or disables a module stream",
		Options: []OptionSpec{
			{Names: []string{"--name"}, Type: TypeString, Value: "NAME", Required: true, Help: "the module"},
			{Names: []string{"--stream"}, Type: TypeString, Value: "NAME", Help: "its stream"},
			{Names: []string{"--disable"}, Help: "disables it"},
		},
		Many:    true,
		Instead: "nothing: RHEL 10 has no modules",
		History: History{EL: Span{Deprecated: 10}, Fedora: Span{Deprecated: 42}},
	},
}
