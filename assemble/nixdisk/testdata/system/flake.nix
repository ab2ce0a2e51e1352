# A NixOS system as far as a disk is made of it: store paths of the names and
# forms that NixOS's have, around a kernel, an initrd and a boot manager of a
# distribution, which lie beside this file. The words between at signs are the
# test's.
{
  outputs =
    { self }:
    let
      run =
        name: script: args:
        derivation (
          {
            inherit name;
            system = "@OWN@";
            builder = "/bin/sh";
            args = [
              "-ec"
              "export PATH=/bin:/usr/bin\n${script}"
            ];
          }
          // args
        );

      systemd = run "systemd-257.9" "mkdir -p $out/lib/systemd/boot/efi; cp ${./manager.efi} $out/lib/systemd/boot/efi/systemd-boot@EFI@" { };
      kernel = run "linux-6.1" "mkdir $out; cp ${./kernel} $out/bzImage" { };
      initrd = run "initrd-linux-6.1" "mkdir $out; cp ${./initrd} $out/initrd" { };

      extraFiles = builtins.toFile "copy-extra-files" "#!/bin/sh\n@EXTRAFILES@";
      script = run "systemd-boot" "mkdir -p $out/bin; cp $scriptPath $out/bin/systemd-boot; chmod 555 $out/bin/systemd-boot" {
        passAsFile = [ "script" ];
        script = ''
          #! /bin/python3 -B
          EFI_SYS_MOUNT_POINT = Path("/boot")
          BOOT_MOUNT_POINT = Path("@BOOTPOINT@")
          LOADER_CONF = EFI_SYS_MOUNT_POINT / "loader/loader.conf"  # Always stored on the ESP
          TIMEOUT = "3"
          EDITOR = "" == "1"  # noqa: PLR0133
          CONSOLE_MODE = "keep"
          DISTRO_NAME = "NixOS"
          REBOOT_FOR_BITLOCKER = bool("")
          COPY_EXTRA_FILES = "${extraFiles}"
          # @SCRIPTSAYS@
        '';
      };
      installer = run "install-systemd-boot.sh" "cp $textPath $out" {
        passAsFile = [ "text" ];
        text = ''
          #!/bin/sh
          ${script}/bin/systemd-boot "$@"
          @INSTALLCOMMANDS@
        '';
      };

      fstab = builtins.toFile "etc-fstab" ''@FSTAB@'';
      etc = run "etc" "mkdir -p $out/etc; ln -s ${fstab} $out/etc/fstab" { };

      # @COUNT@ small files in folders of a hundred, some of them executable, with a link to each folder.
      files =
        n:
        run "files-${toString n}" ''
          mkdir $out; cd $out
          awk -v n=${toString n} -v count=@COUNT@ 'BEGIN {
            srand(n)
            for (i = 0; i < count; i++) {
              if (i % 100 == 0) { d = "d" int(i / 100); system("mkdir " d "; ln -s " d " link-" d) }
              f = d "/" i
              print "file " i " of " n > f
              for (j = int(-log(1 - rand()) * @SIZE@ / 512); j > 0; j--) printf "%512d", rand() * 1000000000 > f
              close(f)
            }
          }'
          if [ -e d0 ]; then chmod 755 d0/1 d0/10; cp d0/2 d0/same; fi
        '' { needs = kernel; };

      bootspec = specialisations: toplevel: ''
        {
          "org.nixos.bootspec.v1": {
            "init": "${toplevel}/init",
            "initrd": "${initrd}/initrd", @SECRETS@
            "kernel": "${toplevel}/kernel",
            "kernelParams": [ @PARAMS@ "root=fstab", "loglevel=4" ],
            "label": "NixOS Fake 25.11 (Linux 6.1)",
            "system": "@ARCH@-linux",
            "toplevel": "${toplevel}"
          },
          "org.nixos.specialisation.v1": { ${specialisations} },
          @EXTENSION@
        }
      '';

      system =
        name: specialisations:
        run name ''
          mkdir -p $out/bin $out/specialisation
          for s in $special; do ln -s $s $out/specialisation/rescue; done
          ln -s ${etc}/etc $out/etc
          ln -s ${kernel}/bzImage $out/kernel
          ln -s ${systemd} $out/systemd
          sed "s|@out@|$out|g" $bootPath >$out/boot.json
          cp ${./init} $out/init
          chmod 555 $out/init
          echo 'INSTALL_BOOTLOADER=@INSTALLER@' >$out/bin/switch-to-configuration
          echo "$needs" >$out/extra-dependencies
        '' {
          passAsFile = [ "boot" ];
          boot = bootspec (if specialisations == [ ] then "" else ''"rescue": ${bootspec "" (builtins.head specialisations)}'') "@out@";
          needs = builtins.genList files @PACKAGES@;
          special = specialisations;
        };
    in
    {
      packages.@OWN@ = {
        toplevel = system "nixos-system-fake-25.11" [ (system "nixos-system-fake-rescue-25.11" [ ]) ];
      };
    };
}
