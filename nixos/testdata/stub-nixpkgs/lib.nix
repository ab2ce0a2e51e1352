# What our flakes use of nixpkgs' lib, and a module system that knows the names
# and kinds of options and refuses others. Conditions and merging are as in the
# real one; priorities and values are not looked at.
rec {
  genAttrs =
    names: f:
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = f name;
      }) names
    );
  hasPrefix = p: s: builtins.substring 0 (builtins.stringLength p) s == p;
  hasSuffix =
    p: s:
    let
      n = builtins.stringLength s - builtins.stringLength p;
    in
    n >= 0 && builtins.substring n (-1) s == p;
  removePrefix = p: s: if hasPrefix p s then builtins.substring (builtins.stringLength p) (-1) s else s;
  splitString = sep: s: builtins.filter builtins.isString (builtins.split sep s);
  findFirst =
    f: default: l:
    let
      found = builtins.filter f l;
    in
    if found == [ ] then default else builtins.head found;
  versionOlder = a: b: builtins.compareVersions a b < 0;
  isDerivation = v: v.type or null == "derivation";
  optionals = c: l: if c then l else [ ];
  escapeShellArgs =
    l: builtins.concatStringsSep " " (map (a: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] a}'") l);
  optional = c: x: if c then [ x ] else [ ];
  makeBinPath = l: builtins.concatStringsSep ":" (map (p: "${p}/bin") l);
  getExe = p: "${p}/bin/${p.meta.mainProgram}";
  licenses.asl20 = "Apache-2.0";
  recursiveUpdate =
    a: b:
    a
    // builtins.mapAttrs (
      n: v: if builtins.isAttrs v && a ? ${n} && !(v ? type) then recursiveUpdate a.${n} v else v
    ) b;

  types = {
    str = "string";
    listOf = _: "list";
  };
  mkOption = o: o // { _type = "option"; };
  mkEnableOption =
    _:
    mkOption {
      type = "bool";
      default = false;
    };
  mkDefault = v: v;
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };

  nixosSystem =
    { modules }:
    let
      arguments = {
        inherit config pkgs;
        lib = import ./lib.nix;
        modulesPath = ./nixos/modules;
      };
      load = m: if builtins.isPath m || builtins.isString m then load (import m) else call m;
      call = m: if builtins.isFunction m then m arguments else m;
      flat = m: [ m ] ++ builtins.concatMap (i: flat (load i)) (m.imports or [ ]);
      all = builtins.concatMap (m: flat (load m)) modules;

      options = builtins.foldl' recursiveUpdate (import ./options.nix) (map (m: m.options or { }) all);
      definitions = map (m: m.config or (removeAttrs m [ "imports" ])) all;

      evaluated = merge [ ] options (
        map (v: {
          inherit v;
          on = true;
        }) definitions
      );
      config = evaluated // {
        system = evaluated.system // {
          build.toplevel = derivation {
            # All definitions are part of it, so that to name it is to check them.
            name = builtins.deepSeq evaluated "nixos-system";
            system = evaluated.nixpkgs.hostPlatform;
            builder = "/bin/sh";
          };
        };
      };
      pkgs = import ./packages.nix evaluated.nixpkgs.hostPlatform;
    in
    {
      inherit config pkgs options;
    };

  # open takes a definition, a value v and whether it is on, out of its mkIf.
  open =
    d:
    if d.v._type or null == "if" then
      open {
        v = d.v.content;
        on = d.on && d.v.condition;
      }
    else
      d;

  # merge gives the value of every option below path.
  merge =
    path: options: definitions:
    let
      opened = map open definitions;
      names = builtins.concatMap (d: builtins.attrNames d.v);
      given = names opened;
      at = name: map (d: d // { v = d.v.${name}; }) (builtins.filter (d: d.v ? ${name}) opened);
      unknown = builtins.filter (n: !(options ? ${n})) given;
      one =
        name: o:
        if builtins.isString o then
          value (path ++ [ name ]) o null (at name)
        else if o._type or null == "option" then
          value (path ++ [ name ]) o.type (o.default or null) (at name)
        else
          merge (path ++ [ name ]) o (at name);
      shown = builtins.concatStringsSep "." (path ++ [ (builtins.head unknown) ]);
    in
    if options ? "*" then
      genAttrs (names (builtins.filter (d: d.on) opened)) (name: one name options."*")
    else if unknown != [ ] then
      throw "The option `${shown}' does not exist."
    else
      builtins.mapAttrs one options;

  value =
    path: type: default: definitions:
    let
      values = map (d: d.v) (builtins.filter (d: d.on) (map open definitions));
      wrong = builtins.filter (v: builtins.typeOf v != type) values;
    in
    if wrong != [ ] then
      throw "A definition for option `${builtins.concatStringsSep "." path}' is not of type ${type}."
    else if values == [ ] then
      default
    else if type == "list" then
      builtins.concatLists values
    else
      builtins.head values;
}
