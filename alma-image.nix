# AlmaLinux, installed by imgasm, as a derivation: what distributes Nix's builds
# (remote builders, Hydra) distributes these too.
{
  lib,
  fetchurl,
  runCommand,
  imgasm,
}:
{
  # The installer, with the packages on it, since there is no network: a file, or
  # { url, hash } of one that is fetched.
  iso,
  # A kickstart file that installs from the ISO; null: imgasm's own.
  kickstart ? null,
  # The image. Its ending tells the format, as for imgasm convert.
  file ? "almalinux.qcow2",
  # Further arguments of imgasm alma: [ "--disk-size" "20G" ].
  args ? [ ],
  # Emulated, an installation takes an hour.
  requiredSystemFeatures ? [ "kvm" ],
}:
let
  installer =
    if iso ? url && !lib.isDerivation iso then fetchurl { inherit (iso) url hash; } else iso;
  kickstartArgs = lib.optionals (kickstart != null) [
    "--kickstart"
    "${kickstart}"
  ];
in
runCommand "almalinux-image"
  {
    inherit requiredSystemFeatures;
    nativeBuildInputs = [ imgasm ];
    passthru.filePath = file;
  }
  ''
    export HOME=$PWD
    mkdir image
    imgasm alma --iso ${installer} --out image/${lib.escapeShellArgs ([ file ] ++ kickstartArgs ++ args)}
    mkdir image/nix-support
    echo "file disk-image $out/${file}" > image/nix-support/hydra-build-products
    mv image $out
  ''
