#!/bin/sh
# Makes rpmdb.sqlite.gz, as RPM writes it, and tiny.sqlite with its -wal: the
# same packages in pages of 512 bytes, half of them in the write-ahead log alone.
# Needs rpm, rpmbuild, gpg and sqlite3.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

package() { # NAME VERSION RELEASE ARCH LINES
	printf 'Name: %s\nVersion: %s\nRelease: %s\nLicense: MIT\nSummary: The package %s\nSummary(de): Das Paket %s\nVendor: Example\nURL: https://example.org/%s\n%b\n%%description\nA package.\n%%install\nmkdir -p %%buildroot/opt\nseq 1000 > %%buildroot/opt/%s-%s\n%%files\n/opt/*\n' \
		"$1" "$2" "$3" "$1" "$1" "$1" "$5" "$1" "$3" > "$1.spec"
	rpmbuild -bb --quiet --target "$4" --define "_topdir $work/top" "$1.spec"
}
package kernel-core 6.12.0 55.9.1.el10 x86_64 ''
package kernel-core 6.12.0 55.10.1.el10 x86_64 ''
package shadow-utils 4.15.0 5.el10 x86_64 'Epoch: 2'
package nodejs 20.1.0 1.el9 x86_64 'Epoch: 1\nModularityLabel: nodejs:20:9040020240301:rhel9'
package tzdata 2025b 1.el10 noarch ''

chmod 700 .
gpg --homedir "$work" --batch --quiet --passphrase '' --quick-gen-key 'Example <key@example.org>' rsa2048 sign never
gpg --homedir "$work" --armor --export > key.asc
rpm="rpm --root $work/root --dbpath /usr/lib/sysimage/rpm"
mkdir root
$rpm --initdb
$rpm --import key.asc
$rpm -i --justdb --nodeps --noscripts --ignorearch $(find top -name '*.rpm' | sort)
$rpm -qa | sort
gzip -9nc root/usr/lib/sysimage/rpm/rpmdb.sqlite > "$here/rpmdb.sqlite.gz"

rm -f "$here"/tiny.sqlite*
sqlite3 "$here/tiny.sqlite" "PRAGMA page_size = 512" "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)" "PRAGMA journal_mode = WAL" \
	"ATTACH 'root/usr/lib/sysimage/rpm/rpmdb.sqlite' AS rpm" "INSERT INTO Packages SELECT * FROM rpm.Packages WHERE hnum < 4"
sqlite3 -cmd '.dbconfig no_ckpt_on_close on' "$here/tiny.sqlite" \
	"ATTACH 'root/usr/lib/sysimage/rpm/rpmdb.sqlite' AS rpm" "INSERT INTO Packages SELECT * FROM rpm.Packages WHERE hnum > 3"
rm -f "$here/tiny.sqlite-shm"
