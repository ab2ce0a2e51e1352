module ovf

go 1.24

require github.com/vmware/govmomi v0.18.0
