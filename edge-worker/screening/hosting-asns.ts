/**
 * Networks that rent out servers: people do not click from them. Carriers, offices, VPN exits shared with households and
 * consumer proxies (Cloudflare WARP, iCloud Private Relay's AS36183 and AS54113) are left out on purpose.
 * Source: the operators' own registrations (RIR whois), IAB/MRC GIVT "known data-center traffic".
 */
export const HOSTING_ASNS: ReadonlySet<number> = new Set([
  16509, 14618, // Amazon
  8075, // Microsoft
  15169, 396982, // Google
  31898, // Oracle Cloud
  36351, // IBM Cloud
  45102, 37963, // Alibaba Cloud
  132203, 45090, // Tencent Cloud
  55990, 136907, // Huawei Cloud
  14061, 62567, // DigitalOcean
  63949, // Akamai Linode
  20473, // Vultr
  16276, // OVH
  24940, 213230, // Hetzner
  51167, // Contabo
  12876, // Scaleway
  197540, // netcup
  8560, // IONOS
  60781, 28753, 30633, // Leaseweb
  19994, 27357, 33070, // Rackspace
  26496, 398101, // GoDaddy hosting
  47583, // Hostinger
  22612, // Namecheap
  26347, // DreamHost
  46606, // Newfold Digital
  54290, // Hostwinds
  20857, // TransIP
  49981, // WorldStream
  29802, // Hivelocity
  8100, // QuadraNet
  36352, // HostPapa ColoCrossing
  40676, // Psychz
  55286, // ServerMania
  53667, // FranTech
  199524, // Gcore
]);
