// Rows of the table: where the packages or the image come from.

package kickstart

var sourceCommands = []CommandSpec{
	{
		Name: "bootc",
		Help: "installs a bootable container image",
		Options: []OptionSpec{
			{Names: []string{"--stateroot"}, Type: TypeString, Value: "NAME", Default: "default", Help: "the name of the state directory"},
			{Names: []string{"--source-imgref"}, Type: TypeString, Value: "IMAGE", Required: true, Help: "the image to install"},
			{Names: []string{"--target-imgref"}, Type: TypeString, Value: "IMAGE", Help: "the image that updates come from"},
		},
		Conflicts: []string{"ostreesetup", "ostreecontainer"},
		History:   History{EL: Span{Since: 10}},
	},
	{
		Name: "cdrom",
		Help: "takes the packages from the first installation medium found in a drive",
	},
	{
		Name: "harddrive",
		Help: "takes the packages from a directory on a disk of the machine",
		Options: []OptionSpec{
			{Names: []string{"--dir"}, Type: TypeString, Value: "PATH", Required: true, Help: "the directory"},
			{Names: []string{"--partition"}, Type: TypeString, Value: "DEVICE", Required: true, Help: "the partition"},
			{Names: []string{"--biospart"}, Type: TypeString, Value: "DISK:PART", Help: "the partition by its BIOS number", Instead: "--partition=DEVICE", History: History{EL: Span{Removed: 9}, Fedora: Span{Removed: 33}}},
		},
	},
	{
		Name: "hmc",
		Help: "takes the packages from the medium of an IBM Z management console",
	},
	{
		Name: "liveimg",
		Help: "installs from an image of a file system or an archive instead of packages",
		Options: []OptionSpec{
			{Names: []string{"--url"}, Type: TypeString, Value: "URL", Required: true, Help: "where the image is"},
			{Names: []string{"--proxy"}, Type: TypeString, Value: "URL", Help: "the proxy"},
			{Names: []string{"--noverifyssl"}, Help: "does not check the server's certificate"},
			{Names: []string{"--checksum"}, Type: TypeString, Value: "HEX", Help: "its SHA-256 sum"},
		},
	},
	{
		Name: "nfs",
		Help: "takes the packages from an NFS server",
		Options: []OptionSpec{
			{Names: []string{"--server"}, Type: TypeString, Value: "HOST", Required: true, Help: "the server"},
			{Names: []string{"--dir"}, Type: TypeString, Value: "PATH", Required: true, Help: "the directory"},
			{Names: []string{"--opts"}, Type: TypeString, Value: "TEXT", Help: "mount options"},
		},
	},
	{
		Name: "ostreecontainer",
		Help: "installs an OSTree commit from a container image",
		Options: []OptionSpec{
			{Names: []string{"--stateroot"}, Type: TypeString, Value: "NAME", Help: "the name of the state directory"},
			{Names: []string{"--url"}, Type: TypeString, Value: "IMAGE", Required: true, Help: "the image"},
			{Names: []string{"--transport"}, Type: TypeString, Value: "NAME", Help: "the transport: registry, oci, oci-archive, …"},
			{Names: []string{"--remote"}, Type: TypeString, Value: "NAME", Help: "the name of the remote"},
			{Names: []string{"--no-signature-verification"}, Help: "does not check signatures"},
		},
		Conflicts: []string{"ostreesetup", "bootc"},
		History:   History{EL: Span{Since: 9}},
	},
	{
		Name: "ostreesetup",
		Help: "installs an OSTree commit from a repository",
		Options: []OptionSpec{
			{Names: []string{"--osname"}, Type: TypeString, Value: "NAME", Required: true, Help: "the name of the operating system"},
			{Names: []string{"--remote"}, Type: TypeString, Value: "NAME", Help: "the name of the remote"},
			{Names: []string{"--url"}, Type: TypeString, Value: "URL", Required: true, Help: "the repository, by file:, http: or https:"},
			{Names: []string{"--ref"}, Type: TypeString, Value: "REF", Required: true, Help: "the branch"},
			{Names: []string{"--nogpg"}, Help: "does not check signatures"},
		},
		Conflicts:        []string{"ostreecontainer", "bootc"},
		ConflictsSinceEL: 10,
	},
	{
		Name: "repo",
		Help: "adds a package repository",
		Options: []OptionSpec{
			{Names: []string{"--name"}, Type: TypeString, Value: "NAME", Required: true, Help: "the repository's identifier"},
			{Names: []string{"--baseurl"}, Type: TypeString, Value: "URL", Help: "where it is"},
			{Names: []string{"--mirrorlist"}, Type: TypeString, Value: "URL", Help: "where its mirror list is"},
			{Names: []string{"--cost"}, Type: TypeInt, Value: "NUMBER", Help: "its cost; cheaper repositories are asked first"},
			{Names: []string{"--excludepkgs"}, Type: TypeList, Value: "GLOB,…", Help: "packages not to take from it"},
			{Names: []string{"--includepkgs"}, Type: TypeList, Value: "GLOB,…", Help: "the only packages to take from it"},
			{Names: []string{"--proxy"}, Type: TypeString, Value: "URL", Help: "the proxy"},
			{Names: []string{"--noverifyssl"}, Help: "does not check the server's certificate"},
			{Names: []string{"--install"}, Help: "also sets it up in the installed system"},
			{Names: []string{"--metalink"}, Type: TypeString, Value: "URL", Help: "where its metalink is"},
			{Names: []string{"--sslcacert"}, Type: TypeString, Value: "PATH", Help: "the CA certificate"},
			{Names: []string{"--sslclientcert"}, Type: TypeString, Value: "PATH", Help: "the client certificate"},
			{Names: []string{"--sslclientkey"}, Type: TypeString, Value: "PATH", Help: "the client's key"},
			{Names: []string{"--ignoregroups"}, Type: TypeBool, Value: "on or off", Help: "ignored the repository's groups", Instead: "nothing: it had no effect", History: History{EL: Span{Deprecated: 9, Removed: 10}, Fedora: Span{Removed: 40}}},
		},
		Many: true,
	},
	{
		Name: "url",
		Help: "takes the packages from a repository on a server",
		Options: []OptionSpec{
			{Names: []string{"--proxy"}, Type: TypeString, Value: "URL", Help: "the proxy"},
			{Names: []string{"--noverifyssl"}, Help: "does not check the server's certificate"},
			{Names: []string{"--mirrorlist"}, Type: TypeString, Value: "URL", Help: "where its mirror list is"},
			{Names: []string{"--url"}, Type: TypeString, Value: "URL", Help: "where the repository is"},
			{Names: []string{"--metalink"}, Type: TypeString, Value: "URL", Help: "where its metalink is"},
			{Names: []string{"--sslcacert"}, Type: TypeString, Value: "PATH", Help: "the CA certificate"},
			{Names: []string{"--sslclientcert"}, Type: TypeString, Value: "PATH", Help: "the client certificate"},
			{Names: []string{"--sslclientkey"}, Type: TypeString, Value: "PATH", Help: "the client's key"},
		},
	},
}
