# The arguments that our flakes give; others are an error, as there.
{
  config,
  lib,
  pkgs,
  format,
  partitionTableType,
  bootSize,
  copyChannel,
}:
derivation {
  name = "nixos-disk-image";
  inherit (config.system.build.toplevel) system;
  inherit
    format
    partitionTableType
    bootSize
    copyChannel
    ;
  toplevel = config.system.build.toplevel;
  builder = "/bin/sh";
}
