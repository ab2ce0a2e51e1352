# The machine's name, network and keys come from whoever starts it.
{ lib, ... }:
{
  services.cloud-init = {
    enable = true;
    network.enable = true;
    # The local ones, or nothing: a search for clouds in the network takes minutes where there is none.
    settings.datasource_list = [
      "NoCloud"
      "ConfigDrive"
      "None"
    ];
  };
  networking.hostName = lib.mkDefault ""; # cloud-init's to set
  networking.useNetworkd = true; # what cloud-init configures; by DHCP where it has nothing to say
}
