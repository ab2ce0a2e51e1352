// Rows of the table: accounts and passwords.

package kickstart

var usersCommands = []CommandSpec{
	{
		Name: "group",
		Help: "creates a group",
		Options: []OptionSpec{
			{Names: []string{"--name"}, Type: TypeString, Value: "NAME", Required: true, Help: "the name"},
			{Names: []string{"--gid"}, Type: TypeInt, Value: "NUMBER", Help: "the number"},
		},
		Many: true,
	},
	{
		Name: "rootpw",
		Help: "sets or locks the root password",
		Positionals: []PositionalSpec{
			{Name: "password", Count: AtMost1, Type: TypeString, Help: "the password"},
		},
		Options: []OptionSpec{
			{Names: []string{"--iscrypted"}, Help: "the password is hashed already"},
			{Names: []string{"--lock"}, Help: "locks the account"},
			{Names: []string{"--plaintext"}, Help: "the password is in clear text (the default)"},
			{Names: []string{"--allow-ssh"}, Help: "lets root log in over SSH with the password", History: History{EL: Span{Since: 9}}},
		},
	},
	{
		Name: "sshkey",
		Help: "adds a public key to a user's authorized_keys",
		Positionals: []PositionalSpec{
			{Name: "key", Count: One, Type: TypeString, Help: "the public key, quoted"},
		},
		Options: []OptionSpec{
			{Names: []string{"--username"}, Type: TypeString, Value: "NAME", Required: true, Help: "the user"},
		},
		Many: true,
	},
	{
		Name: "sshpw",
		Help: "creates an account for SSH into the installer",
		Positionals: []PositionalSpec{
			{Name: "password", Count: Any, Type: TypeString, Help: "the password"},
		},
		Options: []OptionSpec{
			{Names: []string{"--username"}, Type: TypeString, Value: "NAME", Required: true, Help: "the user"},
			{Names: []string{"--iscrypted"}, Help: "the password is hashed already"},
			{Names: []string{"--plaintext"}, Help: "the password is in clear text (the default)"},
			{Names: []string{"--lock"}, Help: "locks the account"},
			{Names: []string{"--sshkey"}, Help: "the argument is a public key, not a password"},
		},
		Many: true,
	},
	{
		Name: "user",
		Help: "creates a user",
		Options: []OptionSpec{
			{Names: []string{"--homedir"}, Type: TypeString, Value: "PATH", Help: "the home directory"},
			{Names: []string{"--iscrypted"}, Help: "the password is hashed already"},
			{Names: []string{"--name"}, Type: TypeString, Value: "NAME", Required: true, Help: "the name"},
			{Names: []string{"--password"}, Type: TypeString, Value: "TEXT", Help: "the password"},
			{Names: []string{"--shell"}, Type: TypeString, Value: "PATH", Help: "the login shell"},
			{Names: []string{"--uid"}, Type: TypeInt, Value: "NUMBER", Help: "the number"},
			{Names: []string{"--lock"}, Help: "locks the account"},
			{Names: []string{"--plaintext"}, Help: "the password is in clear text (the default)"},
			{Names: []string{"--gecos"}, Type: TypeString, Value: "TEXT", Help: "the full name"},
			{Names: []string{"--gid"}, Type: TypeInt, Value: "NUMBER", Help: "the number of the primary group"},
			{Names: []string{"--groups"}, Type: TypeList, Value: "NAME,…", Help: "further groups, each NAME or NAME(NUMBER)"},
		},
		Many: true,
	},
}
